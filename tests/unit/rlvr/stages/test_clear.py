"""A pipeline takes away its own earlier run, and nothing else."""

from pathlib import Path

import pytest

from rlvr.settings.load import ConfigError
from rlvr.stages.pipeline import clear


def test_an_earlier_run_goes(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "rl" / "model").mkdir(parents=True)
    (tmp_path / "completions").mkdir()  # of `rlvr export parquet`
    (tmp_path / "inspect").mkdir()
    (tmp_path / "report-other.html").touch()  # of `rlvr report RUN OTHER`
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [["thesis.tex"], ["config.toml", "thesis.tex"], ["rl"]])
def test_anything_else_stays_and_is_named(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=names[-1]):
        clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_new_folder_is_fine(tmp_path: Path) -> None:
    clear(tmp_path / "new")
    clear(tmp_path)
