"""The guide's configurations are configurations, and it has one for every recipe."""

import re
import tomllib
from pathlib import Path

import pytest

from rlvr.data.catalogue import RECIPES
from rlvr.data.recipe import load

GUIDE = (Path(__file__).parents[4] / "docs/data.md").read_text()
EXAMPLES = dict(re.findall(r"^```toml\n# rlvr data ([a-z0-9-]+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", RECIPES)
def test_its_example_is_valid(name: str) -> None:
    load(name).Config.model_validate(tomllib.loads(EXAMPLES[name]))


def test_the_example_of_a_teacher_is_valid() -> None:
    [block] = re.findall(r"^```toml\n(budget = .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    taught = load("magpie").Config
    rest = {"out": "x", "before_query": "a", "after_query": "b"}
    taught.model_validate(tomllib.loads(block) | rest)
    for other in re.findall(r"^# (teacher = .*)$", block, re.MULTILINE):
        taught.model_validate(tomllib.loads(other) | rest)
