"""Every constraint by its id: its arguments, its official check, and a stricter one where the official has a hole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verifiers.instructions import arguments as a
from verifiers.instructions import case, content, form, keywords, length, whole

Checker = Callable[[str, Any], bool]


@dataclass(frozen=True)
class Constraint:
    """A rule on a text. `strict` is None where the official rule has no hole worth closing."""

    arguments: type[a.Arguments]
    official: Checker
    strict: Checker | None = None


# IFEval (Zhou et al. 2023, arXiv 2311.07911): 25 ids.
IFEVAL = {
    "keywords:existence": Constraint(a.Keywords, keywords.existence, keywords.existence_strict),
    "keywords:frequency": Constraint(a.KeywordFrequency, keywords.frequency, keywords.frequency_strict),
    "keywords:forbidden_words": Constraint(a.ForbiddenWords, keywords.forbidden_words, keywords.forbidden_words_strict),
    "keywords:letter_frequency": Constraint(a.LetterFrequency, keywords.letter_frequency),
    "language:response_language": Constraint(a.Language, whole.response_language, whole.response_language_strict),
    "length_constraints:number_sentences": Constraint(
        a.Sentences, length.number_sentences, length.number_sentences_strict
    ),
    "length_constraints:number_paragraphs": Constraint(
        a.Paragraphs, length.number_paragraphs, length.number_paragraphs_strict
    ),
    "length_constraints:number_words": Constraint(a.NumberOfWords, length.number_words, length.number_words_strict),
    "length_constraints:nth_paragraph_first_word": Constraint(
        a.ParagraphFirstWord, length.nth_paragraph_first_word, length.nth_paragraph_first_word_strict
    ),
    "detectable_content:number_placeholders": Constraint(
        a.Placeholders, content.number_placeholders, content.number_placeholders_strict
    ),
    "detectable_content:postscript": Constraint(a.Postscript, content.postscript, content.postscript_strict),
    "detectable_format:number_bullet_lists": Constraint(
        a.Bullets, form.number_bullet_lists, form.number_bullet_lists_strict
    ),
    "detectable_format:constrained_response": Constraint(
        a.Nothing, form.constrained_response, form.constrained_response_strict
    ),
    "detectable_format:number_highlighted_sections": Constraint(
        a.Highlights, form.number_highlighted_sections, form.number_highlighted_sections_strict
    ),
    "detectable_format:multiple_sections": Constraint(
        a.Sections, form.multiple_sections, form.multiple_sections_strict
    ),
    "detectable_format:json_format": Constraint(a.Nothing, form.json_format, form.json_format_strict),
    "detectable_format:title": Constraint(a.Nothing, form.title, form.title_strict),
    "combination:two_responses": Constraint(a.Nothing, whole.two_responses, whole.two_responses_strict),
    "combination:repeat_prompt": Constraint(a.PromptToRepeat, whole.repeat_prompt, whole.repeat_prompt_strict),
    "startend:end_checker": Constraint(a.EndPhrase, whole.end_checker, whole.end_checker_strict),
    "startend:quotation": Constraint(a.Nothing, whole.quotation, whole.quotation_strict),
    "change_case:capital_word_frequency": Constraint(
        a.CapitalFrequency, case.capital_word_frequency, case.capital_word_frequency_strict
    ),
    "change_case:english_capital": Constraint(a.Nothing, case.english_capital, case.english_capital_strict),
    "change_case:english_lowercase": Constraint(a.Nothing, case.english_lowercase, case.english_lowercase_strict),
    "punctuation:no_comma": Constraint(a.Nothing, whole.no_comma, whole.no_comma_strict),
}

CONSTRAINTS: dict[str, Constraint] = {**IFEVAL}
