"""Blocks of a completion with every fault that a model makes of them, and the filters behind."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.alpaca import Alpaca, blocks
from rlvr.data.request import Reply, Request


def block(number: int, instruction: str = "Do it.", given: str = "<noinput>", output: str = "Done.") -> str:
    return f"{number}. Instruction: {instruction}\n{number}. Input:\n{given}\n{number}. Output:\n{output}\n"


def continued(*rest: str) -> str:
    """A completion: the prompt ended with `###` and `4. Instruction:`."""
    return "###\n".join([" First.\n4. Input:\n<NoInput>\n4. Output:\nOne.\n", *rest])


FIRST = ("First.", "", "One.")


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        (continued(block(5), block(6, given="a\nb")), [FIRST, ("Do it.", "", "Done."), ("Do it.", "a\nb", "Done.")]),
        ("###\n4. Instruction:" + continued(), [FIRST]),  # a chat model repeats the opening
        ("4. Instruction:" + continued(), [FIRST]),
        (continued(block(7)), [FIRST, None]),  # renumbered
        (continued("5. Instruction: No output.\n5. Input:\nx\n", block(6)), [FIRST, None, ("Do it.", "", "Done.")]),
        (continued(block(5) + "5. Output:\nagain\n"), [FIRST, None]),
        (continued("Now some talk.\n", block(6)), [FIRST, None, ("Do it.", "", "Done.")]),
        (continued("\n"), [FIRST]),
        (continued("5. Instruction: Do it.\n5. Output:\nx\n5. Input:\ny\n"), [FIRST, None]),  # in another order
        ("", [None]),
        (continued(block(5, output="5 apples, 5. Really.")), [FIRST, ("Do it.", "", "5 apples, 5. Really.")]),
    ],
)
def test_blocks(completion: str, found: list[tuple[str, str, str] | None]) -> None:
    assert [None if isinstance(one, str) else one for one in blocks(completion, 4, cut=False)] == found


def test_the_last_block_of_a_cut_completion_goes() -> None:
    whole, last = blocks(continued(block(5)), 4, cut=True)
    assert whole == FIRST
    assert isinstance(last, str)


def test_whole_runs(produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]) -> None:
    seeds = write("seeds.jsonl", [{"instruction": f"Seed {n} says what to do:", "output": "Yes."} for n in range(5)])
    asked = 0

    def answer(role: str, prompt: str, request: Request) -> Reply:
        nonlocal asked
        asked += 1
        assert len(re.findall(r"^\d\. Instruction: Seed \d says what to do$", prompt, re.MULTILINE)) == 3
        assert prompt.endswith("###\n4. Instruction:")
        fresh = f"alpha{asked} beta{asked} gamma{asked} delta{asked}"
        rest = [block(5, "Play some audio from the tape."), block(6, "Seed 1 says what to do"), block(7, fresh + " b")]
        return Reply(f" {fresh} a\n4. Input:\nx\n4. Output:\ny\n###\n" + "###\n".join(rest), "stop")

    made = produce(Alpaca, answer, seeds=seeds, teacher=teacher, instructions=8)
    assert [row["instruction"].split()[-1] for row in made.files["dataset"]] == [
        "a"
    ] * 10  # two rounds of five requests
    assert made.manifest["rejected"] == {"similarity": 20, "suitable for text": 10}
    assert made.files["dataset"][0]["messages"][0]["content"].endswith(" a\n\nx")


def test_alike_prompts_are_sampled_anew(
    produce: Callable[..., Any], write: Callable[..., Path], teacher: dict[str, str]
) -> None:
    seeds = write("seeds.jsonl", [{"instruction": "A single seed says it", "output": "Yes."}])
    samples = []
    produce(Alpaca, lambda role, prompt, asked: str(samples.append(asked.sample)), seeds=seeds, teacher=teacher)
    assert len(samples) == len(set(samples)) == 100
