"""The 25 functions of Tulu 3's first instruction verifier, whose labels name one function and its arguments.

They cover IFEval's constraints by other rules: exact counts where IFEval has bounds, case that counts, `around`.
"""

import json
import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from verifiers.instructions.arguments import (
    Arguments,
    Count,
    EndPhrase,
    ForbiddenWords,
    Language,
    Nothing,
    Number,
    Positive,
    Postscript,
    Prompt,
    Text,
    Words,
)
from verifiers.instructions.content import bracketed
from verifiers.instructions.language import language_of
from verifiers.instructions.text import count_matches

Quantifier = Literal["at least", "around", "at most"]
WORD = re.compile(r"\w+")
CAPITALS = re.compile(r"\b[A-Z]+\b")
ENDING = re.compile(r"[.?!]\s")
DOTTED = re.compile(r"\w\.\w.")
SHORT = re.compile(r"[A-Z][a-z]\.")


class KeywordList(Arguments):
    keyword_list: Words


class WordTimes(Arguments):
    word: Text
    N: Count


class LetterTimes(Arguments):
    letter: Annotated[str, Field(min_length=1, max_length=1)]
    N: Count


class Quantity(Arguments):
    N: Count
    quantifier: Quantifier


class NthParagraph(Arguments):
    N: Positive
    first_word: Text
    i: Positive

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.i > self.N:
            raise ValueError(f"paragraph {self.i} of {self.N} does not exist")
        return self


class Choices(Arguments):
    options: Words


class SectionTimes(Arguments):
    N: Count
    section_splitter: Text


class OriginalPrompt(Arguments):
    original_prompt: Prompt


def measure(count: int, to: Quantity, slack: int) -> bool:
    """At least, at most, or within the slack of N."""
    bounds = {"at least": count >= to.N, "at most": count <= to.N, "around": abs(count - to.N) <= slack}
    return bounds[to.quantifier]


def tenth(number: int) -> int:
    """A tenth, rounded, and one at least."""
    return max(round(number * 0.1), 1)


def verify_keywords(text: str, to: KeywordList) -> bool:
    """Every keyword stands in the text, in any case, even inside a longer word."""
    return all(keyword.lower() in text.lower() for keyword in to.keyword_list)


def verify_keyword_frequency(text: str, to: WordTimes) -> bool:
    """The word stands exactly N times, in any case."""
    return WORD.findall(text.lower()).count(to.word.lower()) == to.N


def validate_forbidden_words(text: str, to: ForbiddenWords) -> bool:
    """No forbidden word stands in the text, in any case, even inside a longer word."""
    return not any(word.lower() in text.lower() for word in to.forbidden_words)


def verify_letter_frequency(text: str, to: LetterTimes) -> bool:
    """The letter, in this case, occurs exactly N times."""
    return text.count(to.letter) == to.N


def validate_response_language(text: str, to: Language) -> bool:
    """langdetect names the language."""
    return language_of(text) == to.language


def verify_paragraph_count(text: str, to: Number) -> bool:
    """Exactly N paragraphs between `* * *`, none of them empty."""
    parts = [part.strip() for part in text.strip().split("* * *")]
    return len(parts) == to.N and all(parts)


def validate_word_constraint(text: str, to: Quantity) -> bool:
    """At least, at most or around (within a tenth) N words between white space."""
    return measure(len(text.split()), to, tenth(to.N))


def verify_sentence_constraint(text: str, to: Quantity) -> bool:
    """At least, at most or around (within one) N sentences.

    White space after a mark parts them, but not after `e.g.` or `Mr.`.
    """
    ends = [match.start() + 1 for match in ENDING.finditer(text)]
    inside = [DOTTED.fullmatch(text, max(end - 4, 0), end) or SHORT.match(text, max(end - 3, 0), end) for end in ends]
    return measure(1 + inside.count(None), to, 1)


def validate_paragraphs(text: str, to: NthParagraph) -> bool:
    """Exactly N paragraphs between blank lines, and the ith starts with the word, in this case, or a longer one."""
    parts = text.split("\n\n")
    return len(parts) == to.N and parts[to.i - 1].strip().startswith(to.first_word)


def verify_postscript(text: str, to: Postscript) -> bool:
    """The marker stands anywhere, in this case, and something follows it."""
    place = text.find(to.postscript_marker)
    return place >= 0 and len(text[place:].strip()) > len(to.postscript_marker)


def validate_placeholders(text: str, to: Number) -> bool:
    """At least N `[...]` on one line each, empty ones too."""
    return len(bracketed(text)) >= to.N


def verify_bullet_points(text: str, to: Number) -> bool:
    """Exactly N lines that start with `*` or `-`."""
    return sum(line.strip().startswith(("*", "-")) for line in text.split("\n")) == to.N


def validate_title(text: str, _: Nothing) -> bool:
    """`<<...>>` on one line, which may be empty."""
    return any(">>" in line[line.find("<<") + 2 :] for line in text.split("\n") if "<<" in line)


def validate_choice(text: str, to: Choices) -> bool:
    """One of the options stands anywhere."""
    return any(option in text for option in to.options)


def validate_highlighted_sections(text: str, to: Number) -> bool:
    """At least N pairs of `*` on one line each; `**` alone is a pair."""
    return sum(line.count("*") // 2 for line in text.split("\n")) >= to.N


def validate_sections(text: str, to: SectionTimes) -> bool:
    """At least N times the word and a number, in any case, anywhere."""
    header = re.compile(rf"{re.escape(to.section_splitter)}\s?\d+", re.IGNORECASE)
    return count_matches(header, text) >= to.N


def validate_json_format(text: str, _: Nothing) -> bool:
    """The text is JSON, without a fence; a bare number or string is JSON too."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def validate_repeat_prompt(text: str, to: OriginalPrompt) -> bool:
    """The text starts with the prompt as it is."""
    return text.startswith(to.original_prompt)


def validate_two_responses(text: str, _: Nothing) -> bool:
    """`******` stands once, between two different texts, one of which may be empty."""
    first, mark, second = text.partition("******")
    return bool(mark) and "******" not in second and first.strip() != second.strip()


def validate_uppercase(text: str, _: Nothing) -> bool:
    """No lowercase letter."""
    return text == text.upper()


def validate_lowercase(text: str, _: Nothing) -> bool:
    """No capital letter."""
    return text == text.lower()


def validate_frequency_capital_words(text: str, to: Quantity) -> bool:
    """At least, at most or around (within a tenth) N words of capitals A to Z alone; `I` counts."""
    return measure(count_matches(CAPITALS, text), to, tenth(to.N))


def validate_end(text: str, to: EndPhrase) -> bool:
    """The text ends with the phrase as it is."""
    return text.endswith(to.end_phrase)


def validate_quotation(text: str, _: Nothing) -> bool:
    """The first and the last character are `"`; they may be the same one."""
    return text.startswith('"') and text.endswith('"')


def validate_no_commas(text: str, _: Nothing) -> bool:
    """No `,`."""
    return "," not in text
