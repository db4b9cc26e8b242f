"""Constraints for instruction-following data: words for people, and the reference that our verifier checks them by.

The kinds are IFEval's (Zhou et al. 2023, arXiv 2311.07911), as in Tulu 3; the wording is our own. Constraints of one
group contradict each other, so a prompt has at most one of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

ORDINARY = (
    "ocean market winter engine letter garden signal harvest bridge teacher mirror travel village copper planet forest "
    "pattern island kitchen museum number promise quality record season thread valley window"
)
WORDS = ORDINARY.split()
ENDINGS = ("That is all for now.", "I hope this helps.", "Let me know what you think.")
MARKERS = ("P.S.", "P.P.S")


@dataclass(frozen=True)
class Constraint:
    """One drawn constraint."""

    id: str
    kwargs: dict[str, Any]
    text: str


Draw = Callable[[Random], Constraint]


def _plain(id: str, text: str) -> Draw:
    return lambda _: Constraint(id, {}, text)


def _number(id: str, key: str, between: tuple[int, int], text: str) -> Draw:
    def draw(random: Random) -> Constraint:
        number = random.randint(*between)
        return Constraint(id, {key: number}, text.format(number=number))

    return draw


def _bound(id: str, key: str, choices: Sequence[int], unit: str) -> Draw:
    def draw(random: Random) -> Constraint:
        number, relation = random.choice(choices), random.choice(["at least", "less than"])
        return Constraint(id, {key: number, "relation": relation}, f"Write {relation} {number} {unit}.")

    return draw


def _keywords(random: Random) -> Constraint:
    chosen = random.sample(WORDS, random.randint(1, 3))
    return Constraint("keywords:existence", {"keywords": chosen}, f"Use the words {_listed(chosen)}.")


def _forbidden(random: Random) -> Constraint:
    chosen = random.sample(WORDS, random.randint(1, 3))
    return Constraint(
        "keywords:forbidden_words", {"forbidden_words": chosen}, f"Do not use the words {_listed(chosen)}."
    )


def _frequency(random: Random) -> Constraint:
    word, times = random.choice(WORDS), random.randint(2, 4)
    kwargs = {"keyword": word, "frequency": times, "relation": "at least"}
    return Constraint("keywords:frequency", kwargs, f"Use the word {word} at least {times} times.")


def _end(random: Random) -> Constraint:
    phrase = random.choice(ENDINGS)
    text = f'End with exactly this sentence, and nothing after it: "{phrase}"'
    return Constraint("startend:end_checker", {"end_phrase": phrase}, text)


def _postscript(random: Random) -> Constraint:
    marker = random.choice(MARKERS)
    return Constraint(
        "detectable_content:postscript", {"postscript_marker": marker}, f"Add a postscript after {marker}"
    )


def _listed(chosen: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in chosen)


_bullets = _number(
    "detectable_format:number_bullet_lists",
    "num_bullets",
    (2, 6),
    "Have exactly {number} bullet points, each on a line that begins with *.",
)
_paragraphs = _number(
    "length_constraints:number_paragraphs",
    "num_paragraphs",
    (2, 5),
    "Write {number} paragraphs, separated by lines of ***.",
)
_highlights = _number(
    "detectable_format:number_highlighted_sections",
    "num_highlights",
    (1, 4),
    "Highlight at least {number} sections like *this*.",
)
_placeholders = _number(
    "detectable_content:number_placeholders",
    "num_placeholders",
    (1, 4),
    "Leave at least {number} blanks in square brackets, such as [name].",
)

GROUPS: dict[str, tuple[Draw, ...]] = {
    "words": (_keywords, _forbidden, _frequency),
    "length": (
        _bound("length_constraints:number_words", "num_words", (50, 100, 150, 200, 300), "words"),
        _bound("length_constraints:number_sentences", "num_sentences", (3, 5, 8, 12), "sentences"),
    ),
    "layout": (_bullets, _paragraphs, _highlights),
    "case": (
        _plain("change_case:english_lowercase", "Write everything in English, in lower-case letters."),
        _plain("change_case:english_capital", "Write everything in English, in capital letters."),
    ),
    "title": (_plain("detectable_format:title", "Give it a title in double angular brackets, such as <<this>>."),),
    "end": (_end, _postscript),
    "commas": (_plain("punctuation:no_comma", "Use no commas."),),
    "content": (_placeholders,),
}
"""Kinds that go together -> the constraints of each, one of which is drawn."""


def draw(count: int, random: Random) -> list[Constraint]:
    """So many constraints that do not contradict each other."""
    while True:
        chosen = [random.choice(GROUPS[name])(random) for name in random.sample(sorted(GROUPS), count)]
        if not _clash({constraint.id for constraint in chosen}):
            return chosen


def _clash(ids: set[str]) -> bool:
    """Words, endings and markers are given in one case, so they stand in the way of another."""
    fixed = {"keywords:existence", "keywords:frequency", "startend:end_checker", "detectable_content:postscript"}
    return any(name.startswith("change_case:") for name in ids) and bool(ids & fixed)


def reference(constraints: Sequence[Constraint]) -> dict[str, Any]:
    """As the `instructions` verifier reads it."""
    return {"instruction_id_list": [c.id for c in constraints], "kwargs": [c.kwargs for c in constraints]}


def told(prompt: str, constraints: Sequence[Constraint]) -> str:
    """The prompt with its constraints."""
    return "\n".join([prompt, *(constraint.text for constraint in constraints)])
