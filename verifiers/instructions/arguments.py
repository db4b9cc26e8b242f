"""The keyword arguments of every constraint: names as the data sets spell them, types and bounds.

Nothing is optional and nothing is filled in: the official checkers draw a missing argument at random at check time.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from verifiers.instructions.language import languages

Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Word = Annotated[
    Text, BeforeValidator(lambda given: given[0] if isinstance(given, list) and len(given) == 1 else given)
]
"""IF-RLVR writes some words as a list of one."""

Words = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=2000)]], Field(min_length=1)]
Prompt = Annotated[str, Field(min_length=1)]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Arguments):
    pass


class Keywords(Arguments):
    keywords: Words


class ForbiddenWords(Arguments):
    forbidden_words: Words


class Keyword(Arguments):
    keyword: Word


class KeywordFrequency(Arguments):
    keyword: Text
    frequency: Count
    relation: Relation


class LetterFrequency(Arguments):
    letter: Annotated[str, Field(min_length=1, max_length=1)]
    let_frequency: Count
    let_relation: Relation


class Language(Arguments):
    language: str

    @field_validator("language")
    @classmethod
    def _detectable(cls, code: str) -> str:
        if code not in languages():
            raise ValueError(f"not a language that can be detected; expected one of {', '.join(sorted(languages()))}")
        return code


class Sentences(Arguments):
    num_sentences: Count
    relation: Relation


class Paragraphs(Arguments):
    num_paragraphs: Count


class NumberOfWords(Arguments):
    num_words: Count
    relation: Relation


class ParagraphFirstWord(Arguments):
    num_paragraphs: Positive
    nth_paragraph: Positive
    first_word: Text

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError(f"paragraph {self.nth_paragraph} of {self.num_paragraphs} does not exist")
        return self


class Placeholders(Arguments):
    num_placeholders: Count


class Postscript(Arguments):
    postscript_marker: Text


class Bullets(Arguments):
    num_bullets: Count


class Highlights(Arguments):
    num_highlights: Count


class Sections(Arguments):
    section_spliter: Text
    num_sections: Count


class PromptToRepeat(Arguments):
    prompt_to_repeat: Prompt


class EndPhrase(Arguments):
    end_phrase: Text


class CapitalFrequency(Arguments):
    capital_frequency: Count
    capital_relation: Relation


class WordRange(Arguments):
    min_words: Count
    max_words: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_words < self.min_words:
            raise ValueError(f"between {self.min_words} and {self.max_words} words is empty")
        return self


class Number(Arguments):
    N: Count


class Place(Arguments):
    N: Positive


class SmallNumber(Arguments):
    small_n: Count


class FiveKeywords(Arguments):
    keyword1: Text
    keyword2: Text
    keyword3: Text
    keyword4: Text
    keyword5: Text


class Percentage(Arguments):
    percentage: Annotated[float, Field(ge=0, le=100)]


class Overlap(Arguments):
    reference_text: Prompt
    percentage: Annotated[float, Field(ge=0, le=100)]


class KeywordPosition(Arguments):
    keyword: Word
    n: Positive
    m: Positive


class WordInSentence(Arguments):
    word: Text
    N: Positive


class Options(Arguments):
    options: Text


class Separator(Arguments):
    sep: Annotated[str, Field(min_length=1)]


class Span(Arguments):
    prompt_to_repeat: Prompt
    n_start: Count
    n_end: Count


class CopyTimes(Arguments):
    prompt_to_repeat: Prompt
    N: Positive


class RepeatPhrase(Arguments):
    phrase: Annotated[str, Field(pattern=r"\S\s+\S", max_length=2000)]
    small_n: Positive


class TwoKeywords(Arguments):
    keyword1: Word
    keyword2: Word


class ExcludedKeyword(Arguments):
    keyword: Text
    instruction: str | None = None
    """The prompt that the keyword was drawn from; the rule does not need it."""


class FirstWord(Arguments):
    first_word: Word


class LastWord(Arguments):
    last_word: Word


class LetterCount(Arguments):
    N: Count
    relation: Relation


class Composition(Arguments):
    n_sent: Positive
    n_words: Positive
