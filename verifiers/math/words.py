"""Answers in words: `right triangle`, `(B)`, `no solution`, `twelve`. Which texts are words, and which say the same.

Case, articles, hyphens and closing marks do not count. Synonyms are few on purpose: only phrases with one mathematical
meaning, which become trees (`no solution` is the empty set).
"""

import re

from verifiers.math.nodes import EMPTY, INFINITY, REALS, Node, neg, num
from verifiers.math.vocabulary import FUNCTIONS, GREEK_NAMES, SPELLINGS

_WRAPPER = re.compile(
    r"\\(?:text[a-z]*|mbox|hbox|emph|math(?:rm|bf|it|sf|tt|cal)|operatorname\*?|bm|boldsymbol|underline)\s*\{([^{}]*)\}"
)
_SPACING = re.compile(r"\\(?:[ ,;:!]|quad|qquad|left|right)(?![A-Za-z])|[~${}]")
_WORDY = re.compile(r"[A-Za-z][A-Za-z\s'\",.\-/&():]*")
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
    **dict.fromkeys(["infinity", "positive infinity", "plus infinity"], INFINITY),
    **dict.fromkeys(["negative infinity", "minus infinity"], neg(INFINITY)),
}
SAME = {
    "dne": "does not exist",
    "doesn't exist": "does not exist",
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
    if not _WORDY.fullmatch(plain):
        return None
    found = re.findall(r"[A-Za-z]+", plain)
    if not any(_is_word(word) for word in found):
        known = plain.lower() in MEANINGS or plain == "DNE"
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
    first, _, second = words.replace("-", " ").partition(" ")
    if not second and first in NUMBERS | TENS:
        return num((NUMBERS | TENS)[first])
    if first in TENS and 0 < NUMBERS.get(second, 0) < 10:
        return num(TENS[first] + NUMBERS[second])
    return None


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
