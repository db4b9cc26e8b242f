"""Self-Instruct's last steps: examples out of a completion, which of them are sound, and training pairs of them."""

import re
from collections.abc import Callable, Sequence
from random import Random

from rlvr.data.record import Record
from rlvr.data.seeds import Instance

EXAMPLE = re.compile(r"Example\s?\d*\.?")
OUTPUT = re.compile(r"Output\s*\d*\s*:")
INPUT = re.compile(r"Input\s*\d*\s*:")
LABEL = "Class label:"
PREFIX = re.compile(r"\w+:")

WITH_INPUT = (
    "{instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\nInput: {input}\n\nOutput:",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "Task: {instruction}\n\n{input}\n\nOutput:",
    "{instruction}\n\n{input}\n\nAnswer:",
    "{instruction}\n{input}\n\nAnswer:",
    "Instruction: {instruction}\n\nInput: {input}\n\nResult:",
)
WITHOUT_INPUT = (
    "{instruction}\nOutput:",
    "{instruction}\n\nOutput:",
    "Task: {instruction}\n\nOutput:",
    "{instruction}\n\nAnswer:",
    "Instruction: {instruction}\n\nResult:",
    "{instruction}\n\n",
)


def worked(completion: str) -> list[Instance]:
    """Examples written input first: numbered ones, or one output alone."""
    completion = completion.strip()
    if EXAMPLE.search(completion):
        return [_worked(piece.strip()) for piece in EXAMPLE.split(completion) if piece.strip()]
    return [_worked(completion)] if OUTPUT.search(completion) else []


def _worked(piece: str) -> Instance:
    """Without the word `Output:` all of it is the output. What comes after another `Input:` belongs to nobody."""
    before, *after = OUTPUT.split(piece)
    given, output = (before, after[0]) if after else ("", before)
    output = INPUT.split(output)[0]
    return Instance(re.sub(rf"^{INPUT.pattern}", "", given.strip()).strip(), output.strip())


def labelled(completion: str) -> list[Instance]:
    """Examples of classification, written label first: the label's line, then the input."""
    found = []
    for piece in completion.split(LABEL)[1:]:
        label, _, given = piece.strip().partition("\n")
        found.append(Instance(given.strip(), label.strip()))
    return found


RULES: tuple[tuple[str, Callable[[Instance], bool]], ...] = (
    ("output is not the input", lambda one: one.input != one.output),
    ("output is not empty", lambda one: one.output != ""),
    ("ends with no colon", lambda one: not one.input.endswith(":") and not one.output.endswith(":")),
)


def judge(records: Sequence[Record], cut: bool, most: int, rng: Random) -> list[Record]:
    """One task's examples with what the rules say, in the authors' order; `cut` completions lose their last one."""
    judged = [record.check("whole", not (cut and record is records[-1])) for record in records]
    for name, rule in RULES:
        judged = [record.check(name, rule(Instance(record["input"], record["output"]))) for record in judged]
    left = [(record["input"], record["output"]) for record in judged if record.rejected is None]
    outputs: dict[str, set[str]] = {}
    for given, output in left:
        outputs.setdefault(given, set()).add(output)
    conflict = any(given and len(different) > 1 for given, different in outputs.items())
    chosen = set(rng.sample(different := list(dict.fromkeys(left)), min(most, len(different))))
    final = []
    for record in judged:
        if record.rejected is None:
            example = (record["input"], record["output"])
            record = record.check("same input, same output", not conflict)
            record = record.check("new", example in different)
            record = record.check("drawn", example in chosen, None, most)
            if example in different:
                different.remove(example)
        final.append(record)
    return final


def encode(instruction: str, example: Instance, rng: Random) -> dict[str, str]:
    """As prompt and completion in a random layout. Half of the time an input's only label, as in `Text: ...`, goes."""
    given = example.input
    if rng.random() < 0.5 and len(set(PREFIX.findall(given))) == 1:
        given = given.partition(":")[2].strip()
    layout = rng.choice(WITH_INPUT if given else WITHOUT_INPUT)
    return {"prompt": layout.format(instruction=instruction.strip(), input=given), "completion": f" {example.output}"}
