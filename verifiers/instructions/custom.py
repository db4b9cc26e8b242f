"""The eleven single tasks of IFBench, each with a rule of its own: `custom:*`.

Their prompts name facts (African countries, European capitals); the rules know no more than is needed to check.
"""

import csv
import io
import re
import string
import unicodedata
from itertools import pairwise

from verifiers.instructions.arguments import Nothing
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.text import NO_PUNCTUATION, PUNCTUATION, bare

ALPHABET = string.ascii_lowercase
MULTIPLES = [str(number) for number in range(14, 51, 7)]
QUESTION = re.compile(r"Question \d+[.|):;]?\s*")
OPTION = re.compile(r"[A-Ea-e][.|)]\s*\w")
COUNTRIES = 52
CAPITALS = (
    "Reykjavik, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, Minsk, Dublin, Berlin, "
    "Amsterdam, Warsaw, London, Brussels, Prague, Luxembourg, Paris, Vienna, Bratislava, Budapest, Vaduz, Chisinau, "
    "Bern, Ljubljana, Zagreb"
)
CITY_COLUMNS = ["ID", "Country", "City", "Year", "Count"]
PRODUCT_COLUMNS = ["ProductID", "Category", "Brand", "Price", "Stock"]
STUDENT_COLUMNS = ["StudentID", "Subject", "Grade", "Semester", "Score"]
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
LIFETIME = range(1769, 1822)
DAYS = {"02": 29, "04": 30, "06": 30, "09": 30, "11": 30}
SPECIAL = re.compile(r"[^\w\s]")


def multiples(text: str, _: Nothing) -> bool:
    """The numbers in the text are 14, 21, 28, 35, 42, 49."""
    return re.findall(r"\d+", text) == MULTIPLES


def mcq_count_length(text: str, _: Nothing) -> bool:
    """The text is four `Question n`, each longer than the one before and with five lines `A.` to `E.`, in any order."""
    if not text.startswith("Question"):
        return False
    questions = [part.strip() for part in QUESTION.split(text) if part.strip()]
    read = [read_question(part) for part in questions]
    lengths = [length for length, _ in read]
    return [options for _, options in read] == [5] * 4 and all(one < other for one, other in pairwise(lengths))


def read_question(part: str) -> tuple[int, int]:
    """The length of the text before the first option, and the number of options."""
    lines = [line.strip() for line in part.split("\n")]
    marked = [OPTION.match(line) is not None for line in lines]
    first = marked.index(True) if any(marked) else len(lines)
    return len(" ".join(lines[:first]).strip()), sum(marked)


def reverse_newline(text: str, _: Nothing) -> bool:
    """From the line with Zimbabwe on, 52 or more lines in reverse alphabetical order, accents aside."""
    lines = [line for line in map(bare, text.split("\n")) if line]
    start = next((place for place, line in enumerate(lines) if "Zimbabwe" in line), len(lines))
    names = [without_accents(line) for line in lines[start:]]
    return len(names) >= COUNTRIES and all(one >= other for one, other in pairwise(names))


def reverse_newline_strict(text: str, to: Nothing) -> bool:
    """The same for different lines."""
    lines = [line for line in map(bare, text.split("\n")) if line]
    return len(set(lines)) == len(lines) and reverse_newline(text, to)


def without_accents(text: str) -> str:
    """ASCII letters for accented ones; what has no ASCII form is dropped."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def word_reverse(text: str, _: Nothing) -> bool:
    """`bald eagle` stands in the words read backwards, case and punctuation aside."""
    return "bald eagle" in " ".join(reversed(text.lower().translate(NO_PUNCTUATION).split()))


def character_reverse(text: str, _: Nothing) -> bool:
    """`elgae dlab` stands in the text, in any case."""
    return "elgae dlab" in text.lower()


def sentence_alphabet(text: str, _: Nothing) -> bool:
    """26 sentences, whose first characters are a to z in any case."""
    return [sentence[:1].lower() for sentence in plain_sentences(text)] == list(ALPHABET)


def sentence_alphabet_strict(text: str, _: Nothing) -> bool:
    """The same after leading punctuation."""
    firsts = [sentence.lstrip(PUNCTUATION + "“‘ ")[:1].lower() for sentence in sentences(text)]
    return firsts == list(ALPHABET)


def european_capitals_sort(text: str, _: Nothing) -> bool:
    """The 27 capitals north of 45 degrees, from north to south, between commas; accents aside."""
    names = [name.strip() for name in without_accents(text).split(",")]
    return ", ".join(filter(None, names)) == CAPITALS


def csv_city(text: str, _: Nothing) -> bool:
    """A comma-separated header ID, Country, City, Year, Count and seven rows of five fields."""
    rows = table(text)
    return (
        len(rows) == 8 and rows[0] == ["ID", "Country", "City", "Year", "Count"] and all(len(row) == 5 for row in rows)
    )


def csv_special_character(text: str, _: Nothing) -> bool:
    """The header and 14 rows of five fields; after one with a quoted special character no row is looked at."""
    if not is_header(text, PRODUCT_COLUMNS, r",[ \t]*"):
        return False
    rows = table(text.replace('"', '"""'))
    for row in rows[1:] if len(rows) == 15 else []:
        if len(row) != 5:
            return False
        if any(map(quotes_special, row)):
            return True
    return False


def quotes_special(field: str) -> bool:
    """Whether the field starts with a quoted stretch on one line with a character that is no letter, digit or space."""
    line = field.split("\n", 1)[0]
    return line.startswith('"') and SPECIAL.search(line, 1, max(line.rfind('"'), 1)) is not None


def csv_special_character_strict(text: str, to: Nothing) -> bool:
    """The same, and every row has five fields."""
    return csv_special_character(text, to) and all(len(row) == 5 for row in table(text))


def csv_quotes(text: str, _: Nothing) -> bool:
    """The tab-separated header and three rows of five fields, every field in double quotes."""
    if not is_header(text, STUDENT_COLUMNS, r"\t *"):
        return False
    rows = [[field.strip() for field in row] for row in table(text.replace('"', '"""'), "\t")]
    return len(rows) == 4 and all(len(row) == 5 and all(map(is_quoted, row)) for row in rows)


def is_quoted(field: str) -> bool:
    return field[:1] == field[-1:] == '"'


def is_header(text: str, names: list[str], separator: str) -> bool:
    """Whether the first line is the names, each in double quotes or not."""
    pattern = separator.join(f'(?:{name}|"{name}")' for name in names)
    return re.fullmatch(pattern, text.split("\n")[0].strip()) is not None


def table(text: str, delimiter: str = ",") -> list[list[str]]:
    """The rows of CSV; none where it cannot be read."""
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return []


def date_format_list(text: str, _: Nothing) -> bool:
    """Dates YYYY-MM-DD between commas, each a day of its month, from 1769 to 1821; month and day may be 00."""
    return all(in_lifetime(date.strip(), first_day=0) for date in text.strip().split(","))


def date_format_list_strict(text: str, _: Nothing) -> bool:
    """The same from month and day 01."""
    return all(in_lifetime(date.strip(), first_day=1) for date in text.strip().split(","))


def in_lifetime(date: str, first_day: int) -> bool:
    """Whether Napoleon could see the day."""
    if not DATE.fullmatch(date):
        return False
    year, month, day = (int(part) for part in date.split("-"))
    last = DAYS.get(f"{month:02}", 31 if month else 99)
    return year in LIFETIME and first_day <= month <= 12 and first_day <= day <= last
