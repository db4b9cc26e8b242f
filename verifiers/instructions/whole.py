"""Constraints on the response as a whole: its language, its start and end, two answers, the repeated prompt, commas.

`language:*`, `startend:*`, `combination:*` and `punctuation:*`.
"""

import re

from verifiers.instructions.arguments import EndPhrase, Language, Nothing, PromptToRepeat
from verifiers.instructions.language import language_of

COMMAS = frozenset(",،、,﹐﹑，")
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}
SIX_STARS = re.compile(r"(?<!\*)\*{6}(?!\*)")


def response_language(text: str, to: Language) -> bool:
    """langdetect names the language; a text without any feature passes."""
    return language_of(text) in (to.language, None)


def response_language_strict(text: str, to: Language) -> bool:
    """langdetect names the language."""
    return language_of(text) == to.language


def end_checker(text: str, to: EndPhrase) -> bool:
    """The text ends with the phrase, in any case, but for white space and then `"`."""
    return text.strip().strip('"').lower().endswith(to.end_phrase.lower())


def end_checker_strict(text: str, to: EndPhrase) -> bool:
    """The same, and the phrase does not begin inside a longer word."""
    body, phrase = text.strip().strip('"“”').rstrip().lower(), to.end_phrase.lower()
    before = body[: len(body) - len(phrase)][-1:]
    return body.endswith(phrase) and not (before.isalnum() and phrase[0].isalnum())


def quotation(text: str, _: Nothing) -> bool:
    """The first and the last character are `"`."""
    body = text.strip()
    return len(body) > 1 and body[0] == body[-1] == '"'


def quotation_strict(text: str, _: Nothing) -> bool:
    """Double quotation marks, straight or typographic, around some text."""
    body = text.strip()
    return len(body) > 1 and QUOTES.get(body[0]) == body[-1] and any(char.isalnum() for char in body)


def two_responses(text: str, _: Nothing) -> bool:
    """Two different texts parted by `******`; an empty part may stand first or last."""
    parts = [part.strip() for part in text.split("******")]
    filled = [part for part in parts if part]
    return all(parts[1:-1]) and len(filled) == 2 and filled[0] != filled[1]


def two_responses_strict(text: str, _: Nothing) -> bool:
    """Two texts parted by six asterisks and no more, different in more than case, space and punctuation."""
    words = [re.findall(r"\w+", part.lower()) for part in SIX_STARS.split(text)]
    filled = [part for part in words if part]
    return all(words[1:-1]) and len(filled) == 2 and filled[0] != filled[1]


def repeat_prompt(text: str, to: PromptToRepeat) -> bool:
    """The text starts with the prompt, in any case; an answer need not follow."""
    return text.strip().lower().startswith(to.prompt_to_repeat.strip().lower())


def repeat_prompt_strict(text: str, to: PromptToRepeat) -> bool:
    """The text starts with the prompt as it is, and more follows."""
    body, prompt = text.strip(), to.prompt_to_repeat.strip()
    return body.startswith(prompt) and any(char.isalnum() for char in body[len(prompt) :])


def no_comma(text: str, _: Nothing) -> bool:
    """No `,`."""
    return "," not in text


def no_comma_strict(text: str, _: Nothing) -> bool:
    """No comma of any script."""
    return not COMMAS & set(text)


def punctuation_dot(text: str, _: Nothing) -> bool:
    """No `.`."""
    return "." not in text


def punctuation_exclamation(text: str, _: Nothing) -> bool:
    """No `!`."""
    return "!" not in text
