"""Prompts too long to stand in code, in files beside it. All are our own wording."""

from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=64)
def text(name: str) -> str:
    """The file `texts/NAME.txt`, whole."""
    return resources.files("rlvr.data").joinpath("texts", f"{name}.txt").read_text(encoding="utf-8")
