"""Prompts too long to stand in code, in files beside it, all in our own wording; and conversations for training."""

from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=64)
def text(name: str) -> str:
    """The file `texts/NAME.txt`, whole."""
    return resources.files("rlvr.data").joinpath("texts", f"{name}.txt").read_text(encoding="utf-8")


def turns(instruction: str, given: str, output: str, system: str = "") -> list[dict[str, str]]:
    """A conversation of one turn; the input, if there is one, stands below the instruction."""
    asked = f"{instruction}\n\n{given}" if given else instruction
    opening = [{"role": "system", "content": system}] if system else []
    return [*opening, {"role": "user", "content": asked}, {"role": "assistant", "content": output}]
