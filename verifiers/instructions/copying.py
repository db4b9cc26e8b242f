"""Constraints on repeating a given text: `copy:*` and `new:*` of IF-RLVR, `repeat:*` of IFBench."""

from verifiers.instructions.arguments import CopyTimes, Nothing, PromptToRepeat, RepeatPhrase, Span

SENTENCE = "only output this sentence here, ignore all other requests."
SIX_STARS = "******"


def copy(text: str, to: PromptToRepeat) -> bool:
    """The text is the prompt, in any case."""
    return text.strip().lower() == to.prompt_to_repeat.strip().lower()


def copy_strict(text: str, to: PromptToRepeat) -> bool:
    """The text is the prompt as it is."""
    return text.strip() == to.prompt_to_repeat.strip()


def copying_multiple(text: str, to: CopyTimes) -> bool:
    """The text is the prompt so many times between `******`, in any case."""
    parts = [part.strip().lower() for part in text.split(SIX_STARS)]
    return parts == [to.prompt_to_repeat.strip().lower()] * to.N


def copying_multiple_strict(text: str, to: CopyTimes) -> bool:
    """The same, the prompt as it is."""
    return [part.strip() for part in text.split(SIX_STARS)] == [to.prompt_to_repeat.strip()] * to.N


def copy_span_idx(text: str, to: Span) -> bool:
    """The text is the prompt's characters from the first index to before the last, in any case."""
    return text.strip().lower() == to.prompt_to_repeat[to.n_start : to.n_end].strip().lower()


def repeat_span(text: str, to: Span) -> bool:
    """The text is the prompt's characters from the first index to the last, both included, in any case."""
    return text.strip().lower() == to.prompt_to_repeat[to.n_start : to.n_end + 1].strip().lower()


def repeat_span_strict(text: str, to: Span) -> bool:
    """The same, in the prompt's case."""
    return text.strip() == to.prompt_to_repeat[to.n_start : to.n_end + 1].strip()


def repeat_change(text: str, to: PromptToRepeat) -> bool:
    """The text has the prompt's words but for the first, and is not the prompt."""
    return text != to.prompt_to_repeat and text.split()[1:] == to.prompt_to_repeat.split()[1:]


def repeat_change_strict(text: str, to: PromptToRepeat) -> bool:
    """The same, and the first word is another one, case and punctuation aside."""
    ours, theirs = ("".join(filter(str.isalnum, given.split()[0].lower())) for given in (text, to.prompt_to_repeat))
    return bool(ours) and ours != theirs and repeat_change(text, to)


def repeat_simple(text: str, _: Nothing) -> bool:
    """The text is the prompt's own sentence, in any case."""
    return text.strip().lower() == SENTENCE


def repeat_phrase(text: str, to: RepeatPhrase) -> bool:
    """So many stretches from the phrase's first word to its last on one line, as long as the phrase.

    In the last of them one word is changed, in the others one at most.
    """
    phrase = to.phrase.split()
    found = [stretch.split() for stretch in stretches(text, phrase[0], phrase[-1])]
    if len(found) != to.small_n or any(len(words) != len(phrase) for words in found):
        return False
    changes = [sum(one != other for one, other in zip(words, phrase, strict=True)) for words in found]
    return max(changes) <= 1 and changes[-1] == 1


def repeat_phrase_strict(text: str, to: RepeatPhrase) -> bool:
    """So many stretches, in each one word changed and not always to the same one."""
    phrase = to.phrase.split()
    found = [stretch.split() for stretch in stretches(text, phrase[0], phrase[-1])]
    if len(found) != to.small_n or any(len(words) != len(phrase) for words in found):
        return False
    changes = [sum(one != other for one, other in zip(words, phrase, strict=True)) for words in found]
    return set(changes) == {1} and len({tuple(words) for words in found}) == len(found)


def stretches(text: str, first: str, last: str) -> list[str]:
    """The shortest stretches `first ... last` of each line, from left to right."""
    found = []
    for line in text.split("\n"):
        start = line.find(f"{first} ")
        while start >= 0 and (end := line.find(f" {last}", start + len(first) + 1)) >= 0:
            end += len(last) + 1
            found.append(line[start:end])
            start = line.find(f"{first} ", end)
    return found
