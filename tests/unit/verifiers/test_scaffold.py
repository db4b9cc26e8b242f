import subprocess
import sys

import pytest

from verifiers import scaffold


@pytest.mark.parametrize("name", ["", "Words", "two words", "1st", "../up", "class", "a-b", "ä"])
def test_a_name_that_will_not_do(name, tmp_path):
    with pytest.raises(ValueError, match="expected a name of small letters"):
        scaffold.write(name, tmp_path / "out")


def test_a_name_that_is_taken(tmp_path):
    with pytest.raises(ValueError, match=r"there is a verifier named 'math' already \(from built-in\)"):
        scaffold.write("math", tmp_path / "out")


def test_nothing_is_written_over(tmp_path):
    with pytest.raises(ValueError, match="exists already"):
        scaffold.write("words", tmp_path)


def test_the_package_installs_and_its_own_tests_pass(tmp_path):
    folder = scaffold.write("all_words", tmp_path / "package")
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == {
        "pyproject.toml",
        "README.md",
        "rlvr_all_words.py",
        "tests/test_rlvr_all_words.py",
        "tests/cases.jsonl",
    }
    assert len((folder / "rlvr_all_words.py").read_text().splitlines()) <= 25
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    install = [sys.executable, "-m", "pip", "install", *options, "--target", str(tmp_path / "site"), str(folder)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    code = f"import sys, pytest; sys.path.insert(0, {str(tmp_path / 'site')!r}); sys.exit(pytest.main(['-q', 'tests']))"
    tests = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert tests.returncode == 0, tests.stdout
    assert "3 passed" in tests.stdout
