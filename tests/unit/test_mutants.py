"""`make mutants` takes long and runs seldom; that each of its bugs can still be put back is known at once."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_mutant_finds_its_line() -> None:
    rows = tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]
    assert [row["number"] for row in rows] == list(range(1, 31))
    for row in rows:
        assert (ROOT / row["file"]).read_text().count(row["line"]) == 1, row["bug"]
        assert all((ROOT / test).exists() for test in row["tests"].split()), row["bug"]
