"""Whose error it is."""

from pathlib import Path

import pytest

from rlvr.errors import UserError, make_folder


def test_a_folder_that_cannot_be_made_is_the_users_error_in_one_line(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for path, reason in ((tmp_path / "file", "File exists"), (Path("/proc/none/run"), "No such file or directory")):
        with pytest.raises(UserError, match=rf"^--out: {path} cannot be made a folder: {reason}; choose another$"):
            make_folder(path, "--out")
