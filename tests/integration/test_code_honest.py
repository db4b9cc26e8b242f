"""Right programs in every style must pass, in every format of tests."""

import asyncio
from pathlib import Path

import pytest

from verifiers.bench.exploits import FORMATS, LIMITS, READ, response
from verifiers.code import CodeVerifier

HIDES_PRINT = {"prints", "int_with_its_own_repr", "prints_much", "asserts_below", "main_guard", "input_at_end"}
"""Honest for calls; for standard output the extra line is a wrong answer, or the input is read before."""
ENDS_EARLY = {"sys_exit_at_end", "quit_at_end"}
PRINTS_A_FLOAT = {"float_result"}
"""5.0 for 5: the same number, but another text to a checker that compares texts."""
AT_ONCE = 4


def read_programs(name):
    """Sections `#### name` of the file."""
    text = Path(__file__).with_name(f"honest_{name}.txt").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("#### ")[1:])
    return {title: program.strip("\n") for title, _, program in sections}


FUNCTIONS, SCRIPTS = read_programs("functions"), read_programs("scripts")


async def judge_all(responses, reference):
    verifier, room = CodeVerifier(), asyncio.Semaphore(AT_ONCE)

    async def one(text):
        async with room:
            return await verifier.verify(text, reference)

    return dict(zip(responses, await asyncio.gather(*map(one, responses.values())), strict=True))


def honest(form):
    if READ not in response("", form):
        return {name: response(text, form) for name, text in FUNCTIONS.items()}
    printing = {name for name, text in FUNCTIONS.items() if "__main__" in text} | HIDES_PRINT | ENDS_EARLY
    if form == "checked":
        printing |= PRINTS_A_FLOAT
    whole = {name: f"```python\n{text}\n```" for name, text in SCRIPTS.items()}
    return whole | {name: response(text, form) for name, text in FUNCTIONS.items() if name not in printing}


@pytest.mark.parametrize("form", FORMATS)
def test_honest_programs_pass(form):
    limits = LIMITS | {"time_limit_s": 10.0}
    assert len(FUNCTIONS) + len(SCRIPTS) >= 140
    failed = {
        name: verdict
        for name, verdict in asyncio.run(judge_all(honest(form), FORMATS[form] | limits)).items()
        if (verdict.status, verdict.score, verdict.details["strength"]) != ("correct", 1.0, "strong")
    }
    assert failed == {}
