"""The keyword arguments of every constraint: names as the data sets spell them, types and bounds.

Nothing is optional and nothing is filled in: the official checkers draw a missing argument at random at check time.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from verifiers.instructions.language import languages

Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
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
    keyword: Text


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
