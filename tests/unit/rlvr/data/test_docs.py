"""The configurations of the guides are configurations."""

import re
import tomllib
from pathlib import Path

import pytest

from rlvr import load
from rlvr.data import recipe
from rlvr.data.mix import Mixture
from rlvr.suites import Evaluate

DOCS = Path(__file__).parents[4] / "docs"
BLOCKS = [
    (name, text)
    for guide in ("data", "evaluation")
    for name, text in re.findall(
        r"^```toml\n# rlvr (?:data )?(\S+)\n(.*?)^```$", (DOCS / f"{guide}.md").read_text(), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize(("name", "text"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_a_configuration_of_the_guides_loads(name: str, text: str) -> None:
    model = {"mix": Mixture, "eval": Evaluate}.get(name) or recipe.load(name).Config
    load.validate(model, tomllib.loads(text), source=name)


def test_every_recipe_of_the_tools_guide_is_there() -> None:
    assert {"flan", "flan-v2", "lima", "tulu3", "mix", "eval"} <= {name for name, _ in BLOCKS}
