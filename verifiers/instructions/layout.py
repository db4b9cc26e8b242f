"""Constraints on the layout of the response: nesting, emoji, indents, lists, templates (`format:*`)."""

import re
from collections.abc import Iterable
from itertools import pairwise

from verifiers.instructions.arguments import Nothing, Options, Separator
from verifiers.instructions.emoji import ends_in_emoji, is_emoji
from verifiers.instructions.lists import MINOR_WORDS
from verifiers.instructions.plain import plain_sentences
from verifiers.instructions.sentences import sentences
from verifiers.instructions.text import NO_PUNCTUATION, bare, spaced_words, tokens

OPENING = {"(": ")", "[": "]", "{": "}"}
BRACKETS = 5
QUOTES = 3
LETTERED = re.compile(r"\W*[aA]\W*[bB]\W*[cC]\W*")
STRAIGHT = str.maketrans("“”", '""')
NO_QUOTE = "0123456789!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
ITALICS = re.compile(r"<(i|em)>([^<]*[^\W_][^<]*)</\1>", re.IGNORECASE)
LABELS = ("My Answer:", "My Conclusion:", "Future Outlook:")


def parentheses(text: str, _: Nothing) -> bool:
    """Brackets nest five deep and the innermost closes; a bracket that fits none starts the count afresh."""
    closers: list[str] = []
    deepest = 0
    for char in text:
        if char in OPENING:
            closers.append(OPENING[char])
            deepest = max(deepest, len(closers))
        elif char in ")]}":
            if not closers or closers.pop() != char:
                closers, deepest = [], 0
            elif deepest >= BRACKETS:
                return True
    return False


def parentheses_strict(text: str, _: Nothing) -> bool:
    """Brackets nest five deep and all five close."""
    closers: list[str] = []
    heights = [0]  # how deep the closed brackets inside each open one nest
    for char in text:
        if char in OPENING:
            closers.append(OPENING[char])
            heights.append(0)
        elif char in ")]}":
            if not closers or closers.pop() != char:
                closers, heights = [], [0]
                continue
            height = heights.pop() + 1
            heights[-1] = max(heights[-1], height)
            if height >= BRACKETS:
                return True
    return False


def quotes(text: str, _: Nothing) -> bool:
    """Straight quotes nest three deep, double in single in double or the reverse; an apostrophe is a quote too."""
    return nests_quotes(char for char in text if char in "\"'")


def quotes_strict(text: str, _: Nothing) -> bool:
    """The same, where an apostrophe inside a word is no quote and curly quotes are quotes."""
    straight = text.translate(str.maketrans("“”‘’", "\"\"''"))
    return nests_quotes(re.findall(r"\"|(?<!\w)'|'(?!\w)", straight))


def nests_quotes(marks: Iterable[str]) -> bool:
    """Whether three levels were opened and closed since the deepest point."""
    open_marks: list[str] = []
    deepest = 0
    for mark in marks:
        if open_marks and mark == open_marks[-1]:
            open_marks.pop()
            if deepest - len(open_marks) >= QUOTES:
                return True
        else:
            open_marks.append(mark)
            deepest = max(deepest, len(open_marks))
    return False


def options(text: str, to: Options) -> bool:
    """The text is one option: as it stands where options are `a, b, c`, else but for case and outer punctuation."""
    separator = "/" if "/" in to.options else "or" if "or" in to.options else ","
    choices = [option.strip() for option in to.options.split(separator)]
    if LETTERED.match(to.options):
        return text in choices
    return bare(text).lower() in {bare(option).lower() for option in choices}


def options_strict(text: str, to: Options) -> bool:
    """The same, where `or` parts options only as a word, and white space around the text never counts."""
    choices = re.split(r"/|,|(?<!\w)or(?!\w)", to.options)
    return bare(text.strip()).lower() in {bare(option).lower() for option in choices if bare(option)}


def newline(text: str, _: Nothing) -> bool:
    """As many lines that are not empty as words, ASCII punctuation aside."""
    words = text.translate(NO_PUNCTUATION).strip()
    return sum(line != "" for line in words.split("\n")) == len(words.split())


def newline_strict(text: str, _: Nothing) -> bool:
    """One word, with its punctuation, on each line that has any."""
    return all(len(line.split()) <= 1 for line in text.split("\n"))


def emoji(text: str, _: Nothing) -> bool:
    """Each sentence ends in an emoji, but for ASCII punctuation, or the next one begins with one."""
    found = [sentence.translate(NO_PUNCTUATION).strip() for sentence in plain_sentences(text)]
    last = len(found) - 1
    for place, sentence in enumerate(found):
        if any(is_emoji(char) for char in sentence[-2:]):
            continue
        if place == last or not sentence or not found[place + 1] or not is_emoji(found[place + 1][0]):
            return False
    return True


def emoji_strict(text: str, _: Nothing) -> bool:
    """The same, for flags and keycaps too; an emoji alone is no sentence."""
    found = [sentence.translate(NO_PUNCTUATION).strip() for sentence in sentences(text)]
    following = [*found[1:], ""]
    worded = [(one, other) for one, other in zip(found, following, strict=True) if any(map(str.isalnum, one))]
    return bool(worded) and all(ends_in_emoji(one) or is_emoji((other or " ")[0]) for one, other in worded)


def line_indent(text: str, _: Nothing) -> bool:
    """Each line that is not blank is indented by more spaces than the one before."""
    indents = [len(line) - len(line.lstrip(" ")) for line in text.split("\n") if line.strip()]
    return all(one < other for one, other in pairwise(indents))


def line_indent_strict(text: str, to: Nothing) -> bool:
    """The same, for two lines at least."""
    return len([line for line in text.split("\n") if line.strip()]) > 1 and line_indent(text, to)


def quote_unquote(text: str, _: Nothing) -> bool:
    """No two quotation marks meet, white space aside, and the text does not end in one."""
    marks = "".join(text.translate(STRAIGHT).replace("'\"'", "").split())
    return '""' not in marks and not marks.rstrip(NO_QUOTE).endswith('"')


def quote_unquote_strict(text: str, to: Nothing) -> bool:
    """The same, and something is quoted."""
    return re.search(r'"[^"]*\w[^"]*"', text.translate(STRAIGHT)) is not None and quote_unquote(text, to)


def list_items(text: str, to: Separator) -> bool:
    """The marker occurs twice, anywhere."""
    return text.count(to.sep) >= 2


def list_items_strict(text: str, to: Separator) -> bool:
    """Two lines begin with the marker and hold text after it, and none begins with another bullet."""
    lines = [line.strip() for line in text.split("\n")]
    marked = [line for line in lines if line.startswith(to.sep) and spaced_words(line.removeprefix(to.sep))]
    return len(marked) >= 2 and not any(re.match(r"[*•-]\s", line) for line in lines if not line.startswith(to.sep))


def thesis(text: str, _: Nothing) -> bool:
    """`<i>` or `<em>` opens, text follows, the first such tag closes, and something follows that."""
    start = text.find("<i>") if "<i>" in text else text.find("<em>")
    rest = text[start:]
    end = rest.find("</i>") if "</i>" in rest else rest.find("</em>")
    return min(start, end) >= 0 and bool(rest[3:end].strip()) and bool(rest[end + 4 :].strip())


def thesis_strict(text: str, _: Nothing) -> bool:
    """Words in `<i>` or `<em>`, closed by the same tag, with words outside italics after them."""
    found = ITALICS.search(text)
    return found is not None and bool(spaced_words(re.sub(r"<[^<>]*>", " ", ITALICS.sub(" ", text[found.start() :]))))


def sub_bullets(text: str, _: Nothing) -> bool:
    """Every `*` is followed by a `-` before the next `*`; a text without `*` passes."""
    return all("-" in part for part in text.split("*")[1:])


def sub_bullets_strict(text: str, _: Nothing) -> bool:
    """Lines with a `*` bullet, each followed by a line with a `-` bullet before the next."""
    marks = re.findall(r"^[^\S\n]*([*-])[^\S\n]+\S", text, re.MULTILINE)
    return "*" in marks and all(part.startswith("-") for part in "".join(marks).split("*")[1:])


def no_bullets_bullets(text: str, _: Nothing) -> bool:
    """Two sentences, then lines with `*` and nothing else, two or more; only one blank line may stand between."""
    found = bullets = 0
    prose = True
    for line in map(str.strip, text.split("\n")):
        if line.startswith("*"):
            prose, bullets = False, bullets + 1
            if found < 2:
                return False
        elif prose:
            found += len(plain_sentences(line))
            prose = bool(line)
        else:
            return False
    return bullets >= 2


def no_bullets_bullets_strict(text: str, _: Nothing) -> bool:
    """Two sentences that end in a period, then two or more lines with a `*` bullet and nothing else."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    start = next((place for place, line in enumerate(lines) if re.match(r"\*\s+\S", line)), len(lines))
    periods = sum(sentence.endswith(".") for line in lines[:start] for sentence in sentences(line))
    return periods >= 2 and len(lines) - start >= 2 and all(re.match(r"\*\s+\S", line) for line in lines[start:])


def title_case(text: str, _: Nothing) -> bool:
    """No Treebank token of two or more characters is all lowercase, or lowercase before capitals; `n't` is one."""
    words = [token for token in tokens(text) if token[0].islower()]
    return not any(word[1:].islower() or word[1:].isupper() for word in words)


def title_case_strict(text: str, _: Nothing) -> bool:
    """Every word starts with a capital, but for short minor words that are not the first."""
    words = [bare(word) for word in spaced_words(text)]
    major = [word for place, word in enumerate(words) if place == 0 or word not in MINOR_WORDS]
    return not any(word[:1].islower() for word in major)


def output_template(text: str, _: Nothing) -> bool:
    """The three labels stand anywhere."""
    return all(label in text for label in LABELS)


def output_template_strict(text: str, _: Nothing) -> bool:
    """The text starts with the first label, the others follow in order, and each is followed by text."""
    parts = re.split("|".join(LABELS), text)
    return (
        re.findall("|".join(LABELS), text) == list(LABELS)
        and not parts[0].strip()
        and all(map(spaced_words, parts[1:]))
    )


def no_whitespace(text: str, _: Nothing) -> bool:
    """No white space at all."""
    return not any(char.isspace() for char in text)
