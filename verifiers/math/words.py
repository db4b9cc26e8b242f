"""Answers in words: `right triangle`, `(B)`, `no solution`, `twelve`. Which texts are words, and which say the same.

Case, articles, hyphens and closing marks do not count. Synonyms are few on purpose: only phrases with one mathematical
meaning, which become trees (`no solution` is the empty set).
"""

import re
from fractions import Fraction

from verifiers.math.nodes import EMPTY, INFINITY, REALS, Node, neg, num
from verifiers.math.vocabulary import FUNCTIONS, GREEK_NAMES, SPELLINGS

_WRAPPER = re.compile(
    r"\\(?:text[a-z]*|mbox|hbox|emph|math(?:rm|bf|it|sf|tt|cal)|operatorname\*?|bm|boldsymbol|underline)\s*\{([^{}]*)\}"
)
_SPACING = re.compile(r"\\(?:[ ,;:!]|quad|qquad|left|right)(?![A-Za-z])|[~${}]")
_WORDY = re.compile(r"[A-Za-z][A-Za-z\s'\",.\-/&():]*")
_DATE = re.compile(
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*)\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?", re.I
)
_NOT_WORDS = (
    FUNCTIONS | GREEK_NAMES | SPELLINGS.keys() | {"sqrt", "frac", "infty", "and", "emptyset", "cup", "mod", "binom"}
)
_SHORT = {"no", "yes", "up"}
_ARTICLES = re.compile(r"^(?:the|an?)\s+(?=\w{2})")

_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s*:?\s*)?"
    r"(?:\(\s*(?P<a>[A-Ja-j])\s*\)|\[\s*(?P<b>[A-J])\s*\]|(?P<c>[A-Ja-j])\s*(?:\)|[.:](?=\s|$))|(?P<d>[A-J]))(?P<rest>[\s.:),;]?.*)",
    re.S | re.I,
)

_NOTHING = (
    "no solution, no solutions, none, empty set, empty, null set, no real solution, no real solutions, no values, "
    "there are no solutions, there is no solution, no such x"
)
_ALL_REALS = (
    "all real numbers, all reals, any real number, all real number, real numbers, all real x, every real number, "
    "all real values, any real x, all x, set of real numbers, set of all real numbers"
)
MEANINGS: dict[str, Node] = {
    **dict.fromkeys(_NOTHING.split(", "), EMPTY),
    **dict.fromkeys(_ALL_REALS.split(", "), REALS),
    **dict.fromkeys(["infinity", "positive infinity", "plus infinity", "diverges to infinity"], INFINITY),
    **dict.fromkeys(["negative infinity", "minus infinity", "diverges to negative infinity"], neg(INFINITY)),
}
SAME = {
    "dne": "does not exist",
    "doesn't exist": "does not exist",
    "d n e": "does not exist",
    "limit does not exist": "does not exist",
    "not defined": "undefined",
    "not exist": "does not exist",
    "infinitely many solutions": "infinitely many",
    "infinite solutions": "infinitely many",
    "impossible to determine": "cannot be determined",
}
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS = {word: value for value, word in enumerate(_SMALL.split())}
GROUPS = {"thousand": 1000, "million": 10**6}
PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8,
    "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip
MAX_NUMBER_WORDS = 12
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}


def unwrapped(text: str) -> str:
    """The text without font commands, dollars and spacing."""
    previous = None
    while text != previous:
        previous, text = text, _WRAPPER.sub(lambda match: f" {match[1]} ", text)
    return " ".join(_SPACING.sub(" ", text).split())


def words_of(text: str) -> str | None:
    """The canonical words of an answer in words; None if it is mathematics."""
    plain = unwrapped(text)
    date = _DATE.fullmatch(plain)
    if date:
        return " ".join(filter(None, (date[1][:3].lower(), date[2], date[3])))
    if not _WORDY.fullmatch(plain):
        return None
    found = re.findall(r"[A-Za-z]+", plain)
    if not any(_is_word(word) for word in found):
        known = plain.lower() in MEANINGS or plain in ("DNE", "D.N.E", "D.N.E.")
        if not known:
            return None
    return canonical(plain)


def _is_word(text: str) -> bool:
    """`xyz` and `pqr` are products: a word has a vowel."""
    if text.lower() in _SHORT:
        return True
    return len(text) > 2 and text not in _NOT_WORDS and (len(text) > 4 or bool(re.search("[aeiou]", text, re.I)))


def canonical(plain: str) -> str:
    text = " ".join(
        re.sub(r"[\"',.;:()&]|(?<=\s)-|-(?=\s)", lambda m: "'" if m[0] == "'" else " ", plain).split()
    ).lower()
    text = _ARTICLES.sub("", text.strip("' "))
    return SAME.get(text, text)


def same_words(left: str, right: str) -> bool:
    """A hyphen is a space or nothing: `north-east`, `north east` and `northeast`."""
    return left == right or left.replace("-", " ") == right.replace("-", " ") or _solid(left) == _solid(right)


def _solid(text: str) -> str:
    return text.replace("-", "").replace(" ", "")


def meaning(words: str) -> Node | None:
    """The tree that words stand for: the empty set, the reals, infinity, a number below one hundred."""
    if words in MEANINGS:
        return MEANINGS[words]
    found = words.replace("-", " ").split()
    if len(found) > 1 and found[0] in ("negative", "minus"):
        positive = meaning(" ".join(found[1:]))
        return None if positive is None or positive.kind not in ("num", "pct") else neg(positive)
    percent = len(found) > 1 and found[-1] == "percent"
    value = number_in_words(found[:-1] if percent else found)
    if value is None:
        return None
    return Node("pct", (num(value),)) if percent else num(value)


def number_in_words(words: list[str]) -> Fraction | None:
    """`twenty one`, `one hundred and five`, `two thousand`, `one half`, `three quarters`."""
    if not words or len(words) > MAX_NUMBER_WORDS:
        return None
    if len(words) > 1 and words[-1] in PARTS:
        count = number_in_words(words[:-1])
        return None if count is None else count / PARTS[words[-1]]
    total = current = 0
    previous = ""
    for word in words:
        fresh = previous in ("", "and", "hundred", *GROUPS)
        if word in NUMBERS and (fresh or (previous in TENS and 0 < NUMBERS[word] < 10)):
            current += NUMBERS[word]
        elif word in TENS and fresh:
            current += TENS[word]
        elif word == "hundred" and 0 < current < 10:
            current *= 100
        elif word in GROUPS and 0 < current < 1000:
            total, current = total + current * GROUPS[word], 0
        elif word != "and" or previous not in ("hundred", *GROUPS):
            return None
        previous = word
    return None if previous == "and" else Fraction(total + current)


def choice_of(text: str) -> tuple[str, str]:
    """The letter of a multiple-choice answer, as written, and what follows it: `(B)`, `B) 12`, `option B`, `B`."""
    match = _CHOICE.fullmatch(unwrapped(text))
    if match is None:
        return "", ""
    letter = match["a"] or match["b"] or match["c"] or match["d"]
    rest = match["rest"].strip(" .:),;")
    if rest and (match["d"] or re.match(r"(?:or|and|nor)\b|[(\[]?[A-J][)\].,]", rest, re.I)):
        return "", ""
    return letter, rest
