"""Every constraint by its id: its arguments, its official check, and a stricter one where the official has a hole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verifiers.instructions import arguments as a
from verifiers.instructions import (
    case,
    content,
    copying,
    count,
    custom,
    edges,
    form,
    keywords,
    layout,
    length,
    ratio,
    sentence_rules,
    tulu3,
    whole,
    words,
)

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

# IF-RLVR (Pyatkin et al. 2025, arXiv 2507.02833): 29 more to train on.
IF_RLVR = {
    "copy:repeat_phrase": Constraint(a.RepeatPhrase, copying.repeat_phrase, copying.repeat_phrase_strict),
    "copy:copy": Constraint(a.PromptToRepeat, copying.copy, copying.copy_strict),
    "copy:copying_simple": Constraint(a.PromptToRepeat, copying.copy, copying.copy_strict),
    "copy:copying_multiple": Constraint(a.CopyTimes, copying.copying_multiple, copying.copying_multiple_strict),
    "new:copy_span_idx": Constraint(a.Span, copying.copy_span_idx, copying.repeat_span_strict),
    "detectable_format:sentence_hyphens": Constraint(a.Nothing, form.sentence_hyphens, form.sentence_hyphens_strict),
    "detectable_format:square_brackets": Constraint(a.Nothing, form.square_brackets, form.square_brackets_strict),
    "detectable_format:bigram_wrapping": Constraint(a.Nothing, form.bigram_wrapping, form.bigram_wrapping_strict),
    "keywords:no_adjacent_consecutive": Constraint(
        a.Nothing, keywords.no_adjacent_consecutive, keywords.no_adjacent_consecutive_strict
    ),
    "keywords:word_once": Constraint(a.Keyword, keywords.word_once, keywords.word_once_strict),
    "keywords:word_count_different_numbers": Constraint(
        a.KeywordFrequency, keywords.frequency, keywords.frequency_strict
    ),
    "keywords:exclude_word_harder": Constraint(
        a.ExcludedKeyword, keywords.exclude_word_harder, keywords.exclude_word_harder_strict
    ),
    "keywords:palindrome": Constraint(a.Nothing, keywords.palindrome, keywords.palindrome_strict),
    "keywords:keyword_specific_position": Constraint(
        a.KeywordPosition, keywords.keyword_specific_position, keywords.keyword_specific_position_strict
    ),
    "keywords:start_end": Constraint(a.Nothing, keywords.start_end, keywords.start_end_strict),
    "letters:letter_counting": Constraint(a.LetterCount, keywords.letter_counting),
    "letters:letter_counting2": Constraint(a.LetterFrequency, keywords.letter_frequency),
    "paragraphs:paragraphs": Constraint(a.Nothing, length.paragraphs, length.paragraphs_strict),
    "paragraphs:paragraphs2": Constraint(a.Nothing, length.paragraphs2, length.paragraphs2_strict),
    "first_word:first_word_sent": Constraint(a.FirstWord, edges.first_word_sent, edges.first_word_sent_strict),
    "first_word:first_word_answer": Constraint(a.FirstWord, edges.first_word_answer, edges.first_word_answer_strict),
    "last_word:last_word_sent": Constraint(a.LastWord, edges.last_word_sent, edges.last_word_sent_strict),
    "last_word:last_word_answer": Constraint(a.LastWord, edges.last_word_answer),
    "punctuation:punctuation_dot": Constraint(a.Nothing, whole.punctuation_dot),
    "punctuation:punctuation_exclamation": Constraint(a.Nothing, whole.punctuation_exclamation),
    "count:lowercase_counting": Constraint(a.Number, count.lowercase_counting),
    "count:counting_composition": Constraint(
        a.Composition, count.counting_composition, count.counting_composition_strict
    ),
    "count:count_unique": Constraint(a.Nothing, count.count_unique, count.count_unique_strict),
    "count:count_increment_word": Constraint(
        a.TwoKeywords, count.count_increment_word, count.count_increment_word_strict
    ),
}

# IFBench (the same paper): 58 to evaluate on.
IFBENCH = {
    "count:word_count_range": Constraint(a.WordRange, count.word_count_range, count.word_count_range_strict),
    "count:unique_word_count": Constraint(a.Number, count.unique_word_count, count.unique_word_count_strict),
    "count:conjunctions": Constraint(a.SmallNumber, count.conjunctions, count.conjunctions_strict),
    "count:person_names": Constraint(a.Number, count.person_names, count.person_names_strict),
    "count:numbers": Constraint(a.Number, count.numbers, count.numbers_strict),
    "count:punctuation": Constraint(a.Nothing, count.punctuation),
    "count:words_japanese": Constraint(a.Place, count.words_japanese, count.words_japanese_strict),
    "count:pronouns": Constraint(a.Number, count.pronouns, count.pronouns_strict),
    "count:keywords_multiple": Constraint(a.FiveKeywords, count.keywords_multiple, count.keywords_multiple_strict),
    "ratio:stop_words": Constraint(a.Percentage, ratio.stop_words),
    "ratio:sentence_type": Constraint(a.Nothing, ratio.sentence_type, ratio.sentence_type_strict),
    "ratio:sentence_balance": Constraint(a.Nothing, ratio.sentence_balance, ratio.sentence_balance_strict),
    "ratio:overlap": Constraint(a.Overlap, ratio.overlap),
    "ratio:sentence_words": Constraint(a.Nothing, ratio.sentence_words, ratio.sentence_words_strict),
    "words:alphabet": Constraint(a.Nothing, words.alphabet),
    "words:vowel": Constraint(a.Nothing, words.vowel),
    "words:consonants": Constraint(a.Nothing, words.consonants, words.consonants_strict),
    "words:palindrome": Constraint(a.Nothing, words.palindrome, words.palindrome_strict),
    "words:prime_lengths": Constraint(a.Nothing, words.prime_lengths, words.prime_lengths_strict),
    "words:start_verb": Constraint(a.Nothing, words.start_verb),
    "words:repeats": Constraint(a.SmallNumber, words.repeats),
    "words:odd_even_syllables": Constraint(a.Nothing, words.odd_even_syllables),
    "words:last_first": Constraint(a.Nothing, words.last_first, words.last_first_strict),
    "words:paragraph_last_first": Constraint(a.Nothing, words.paragraph_last_first, words.paragraph_last_first_strict),
    "words:no_consecutive": Constraint(a.Nothing, words.no_consecutive),
    "words:keywords_specific_position": Constraint(
        a.KeywordPosition, keywords.keyword_specific_position, keywords.keyword_specific_position_strict
    ),
    "words:words_position": Constraint(a.Keyword, words.words_position, words.words_position_strict),
    "sentence:alliteration_increment": Constraint(
        a.Nothing, sentence_rules.alliteration_increment, sentence_rules.alliteration_increment_strict
    ),
    "sentence:keyword": Constraint(a.WordInSentence, sentence_rules.keyword, sentence_rules.keyword_strict),
    "sentence:increment": Constraint(a.SmallNumber, sentence_rules.increment, sentence_rules.increment_strict),
    "format:parentheses": Constraint(a.Nothing, layout.parentheses, layout.parentheses_strict),
    "format:quotes": Constraint(a.Nothing, layout.quotes, layout.quotes_strict),
    "format:options": Constraint(a.Options, layout.options, layout.options_strict),
    "format:newline": Constraint(a.Nothing, layout.newline, layout.newline_strict),
    "format:emoji": Constraint(a.Nothing, layout.emoji, layout.emoji_strict),
    "format:line_indent": Constraint(a.Nothing, layout.line_indent, layout.line_indent_strict),
    "format:quote_unquote": Constraint(a.Nothing, layout.quote_unquote, layout.quote_unquote_strict),
    "format:list": Constraint(a.Separator, layout.list_items, layout.list_items_strict),
    "format:thesis": Constraint(a.Nothing, layout.thesis, layout.thesis_strict),
    "format:sub-bullets": Constraint(a.Nothing, layout.sub_bullets, layout.sub_bullets_strict),
    "format:no_bullets_bullets": Constraint(a.Nothing, layout.no_bullets_bullets, layout.no_bullets_bullets_strict),
    "format:title_case": Constraint(a.Nothing, layout.title_case, layout.title_case_strict),
    "format:output_template": Constraint(a.Nothing, layout.output_template, layout.output_template_strict),
    "format:no_whitespace": Constraint(a.Nothing, layout.no_whitespace),
    "custom:multiples": Constraint(a.Nothing, custom.multiples),
    "custom:mcq_count_length": Constraint(a.Nothing, custom.mcq_count_length),
    "custom:reverse_newline": Constraint(a.Nothing, custom.reverse_newline, custom.reverse_newline_strict),
    "custom:word_reverse": Constraint(a.Nothing, custom.word_reverse),
    "custom:character_reverse": Constraint(a.Nothing, custom.character_reverse),
    "custom:sentence_alphabet": Constraint(a.Nothing, custom.sentence_alphabet, custom.sentence_alphabet_strict),
    "custom:european_capitals_sort": Constraint(a.Nothing, custom.european_capitals_sort),
    "custom:csv_city": Constraint(a.Nothing, custom.csv_city),
    "custom:csv_special_character": Constraint(
        a.Nothing, custom.csv_special_character, custom.csv_special_character_strict
    ),
    "custom:csv_quotes": Constraint(a.Nothing, custom.csv_quotes),
    "custom:date_format_list": Constraint(a.Nothing, custom.date_format_list, custom.date_format_list_strict),
    "repeat:repeat_change": Constraint(a.PromptToRepeat, copying.repeat_change, copying.repeat_change_strict),
    "repeat:repeat_simple": Constraint(a.Nothing, copying.repeat_simple),
    "repeat:repeat_span": Constraint(a.Span, copying.repeat_span, copying.repeat_span_strict),
}

# Tulu 3's first verifier (Lambert et al. 2024, arXiv 2411.15124), by function name; other rules than IFEval's.
TULU3 = {
    "tulu3:verify_keywords": Constraint(tulu3.KeywordList, tulu3.verify_keywords),
    "tulu3:verify_keyword_frequency": Constraint(tulu3.WordTimes, tulu3.verify_keyword_frequency),
    "tulu3:validate_forbidden_words": Constraint(a.ForbiddenWords, tulu3.validate_forbidden_words),
    "tulu3:verify_letter_frequency": Constraint(tulu3.LetterTimes, tulu3.verify_letter_frequency),
    "tulu3:validate_response_language": Constraint(a.Language, tulu3.validate_response_language),
    "tulu3:verify_paragraph_count": Constraint(a.Number, tulu3.verify_paragraph_count),
    "tulu3:validate_word_constraint": Constraint(tulu3.Quantity, tulu3.validate_word_constraint),
    "tulu3:verify_sentence_constraint": Constraint(tulu3.Quantity, tulu3.verify_sentence_constraint),
    "tulu3:validate_paragraphs": Constraint(tulu3.NthParagraph, tulu3.validate_paragraphs),
    "tulu3:verify_postscript": Constraint(a.Postscript, tulu3.verify_postscript),
    "tulu3:validate_placeholders": Constraint(a.Number, tulu3.validate_placeholders),
    "tulu3:verify_bullet_points": Constraint(a.Number, tulu3.verify_bullet_points),
    "tulu3:validate_title": Constraint(a.Nothing, tulu3.validate_title),
    "tulu3:validate_choice": Constraint(tulu3.Choices, tulu3.validate_choice),
    "tulu3:validate_highlighted_sections": Constraint(a.Number, tulu3.validate_highlighted_sections),
    "tulu3:validate_sections": Constraint(tulu3.SectionTimes, tulu3.validate_sections),
    "tulu3:validate_json_format": Constraint(a.Nothing, tulu3.validate_json_format),
    "tulu3:validate_repeat_prompt": Constraint(tulu3.OriginalPrompt, tulu3.validate_repeat_prompt),
    "tulu3:validate_two_responses": Constraint(a.Nothing, tulu3.validate_two_responses),
    "tulu3:validate_uppercase": Constraint(a.Nothing, tulu3.validate_uppercase),
    "tulu3:validate_lowercase": Constraint(a.Nothing, tulu3.validate_lowercase),
    "tulu3:validate_frequency_capital_words": Constraint(tulu3.Quantity, tulu3.validate_frequency_capital_words),
    "tulu3:validate_end": Constraint(a.EndPhrase, tulu3.validate_end),
    "tulu3:validate_quotation": Constraint(a.Nothing, tulu3.validate_quotation),
    "tulu3:validate_no_commas": Constraint(a.Nothing, tulu3.validate_no_commas),
}

CONSTRAINTS: dict[str, Constraint] = {**IFEVAL, **IF_RLVR, **IFBENCH, **TULU3}
