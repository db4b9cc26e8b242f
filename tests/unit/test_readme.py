"""The README, held to the truth: its commands exist, its examples run, its tree is the tree.

`python tests/unit/test_readme.py` brings the README's tree up to date.
"""

import ast
import difflib
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAX_LINES = 300
ROOMS = {
    *("sandbox/docker", "sandbox/process", "verifiers/code", "verifiers/instructions", "verifiers/math"),
    *("verifiers/adapters", "verifiers/bench", "verifiers/wire"),
    *("rlvr/settings", "rlvr/commands", "rlvr/data", "rlvr/engines", "rlvr/learner", "rlvr/recipes"),
    *("rlvr/stages", "rlvr/tasks", "rlvr/view"),
}
"""Folders with one door: the tree shows what they are for, not what is inside."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shown_tree() -> str:
    [shown] = [block for block in blocks("text") if block.startswith("sandbox/")]
    return shown


def tree() -> str:
    """One line a file: its name, and the first sentence of its docstring, or of a configuration's first comment."""
    return "".join(line for package in ("sandbox", "verifiers", "rlvr") for line in branch(ROOT / package, 0))


def branch(folder: Path, depth: int) -> Iterator[str]:
    yield entry(folder / "__init__.py", folder.name + "/", depth)
    if str(folder.relative_to(ROOT)) in ROOMS:
        return
    for file in sorted([*folder.glob("*.py"), *folder.glob("*.toml")]):
        if file.name != "__init__.py":
            yield entry(file, file.name, depth + 1)
    for inner in sorted(folder.iterdir()):
        if (inner / "__init__.py").exists():
            yield from branch(inner, depth + 1)


def entry(file: Path, name: str, depth: int) -> str:
    text = file.read_text()
    about = text.removeprefix("# ") if file.suffix == ".toml" else ast.get_docstring(ast.parse(text)) or ""
    sentence = re.split(r"(?<!al\.)(?<=[.?]) ", about.partition("\n")[0])[0].rstrip(".")
    return f"{'  ' * depth + name:<24}{sentence}\n"


def commands() -> Iterator[list[str]]:
    """Every command line in a `bash` or `console` block or within a sentence, in words; pipes are taken apart."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    lines += re.findall(r"`((?:rlvr|make) [^`]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL))
    lines += [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    for line in lines:
        words = shlex.split(line, comments=True)
        while "|" in words:
            yield words[: words.index("|")]
            words = words[words.index("|") + 1 :]
        if words:
            yield words


def rlvr_lines() -> list[list[str]]:
    """What is said to `rlvr`, on its own or behind `--` as a Ray job."""
    return [words[words.index("rlvr") + 1 :] for words in commands() if "rlvr" in words]


def problem(words: list[str]) -> str | None:
    """What the command line would not understand."""
    from rlvr.cli import app

    command = typer.main.get_command(app)
    words = list(words)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    known = {"--help"}.union(*(parameter.opts + parameter.secondary_opts for parameter in command.params))
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"no option {unknown[0]!r}" if unknown else None


def environment(*path: Path) -> dict[str, str]:
    """With the `rlvr` command of this interpreter first, and `path` importable."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": programs, "PYTHONPATH": os.pathsep.join(map(str, path))}


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= MAX_LINES


def test_the_tree_is_the_tree() -> None:
    difference = "\n".join(difflib.unified_diff(shown_tree().splitlines(), tree().splitlines(), "shown", "real", n=0))
    if difference:
        pytest.fail(f"{difference}\n`python {Path(__file__).relative_to(ROOT)}` mends it", pytrace=False)


def test_every_rlvr_command_is_understood() -> None:
    lines = rlvr_lines()
    assert len(lines) > 10
    assert {" ".join(words): problem(words) for words in lines if problem(words)} == {}


def test_what_is_not_there_would_be_noticed() -> None:
    assert problem(["verifi", "x.jsonl"]) == "no command 'verifi'"
    assert problem(["verify", "--wrokers", "2"]) == "no option '--wrokers'"


def test_every_make_target_is_there_and_told_of() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words[1] for words in commands() if words[0] == "make"}
    assert named - targets == set()
    assert targets - named == {"help"}


def test_every_file_it_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"`((?:deploy|tests|rlvr|verifiers)/[\w/.-]+)`", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


@pytest.mark.parametrize("block", blocks("console"))
def test_console_examples_print_what_they_show(block: str, tmp_path: Path) -> None:
    """`...` stands for anything, as in doctest."""
    for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, wanted = example.partition("\n")
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment()
        )
        assert doctest.OutputChecker().check_output(wanted, done.stdout, doctest.ELLIPSIS), (
            f"$ {command}\nshould print\n{wanted}\nprinted\n{done.stdout}{done.stderr}"
        )


def test_python_examples_print_what_they_show(tmp_path: Path) -> None:
    file = tmp_path / "examples.txt"
    file.write_text("\n".join(blocks("pycon")))
    done = subprocess.run(
        [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", file], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_verifier_of_the_readme_is_found_and_judges(tmp_path: Path) -> None:
    """Laid out as an installed package: the module, and the entry point that its pyproject.toml declares."""
    [module] = blocks("python")
    [point] = [line for block in blocks("toml") for line in block.splitlines() if line.startswith("palindrome")]
    name, target = (part.strip(' "') for part in point.split("="))
    (tmp_path / f"{target.partition(':')[0]}.py").write_text(module)
    metadata = tmp_path / "rlvr_palindrome-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: rlvr-palindrome\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[rlvr.verifiers]\n{name} = {target}\n")
    code = "import verifiers; print([verifiers.verify('palindrome', r, {}).status for r in ('Ada', 'Bob!', 'Cy', '')])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(tmp_path, ROOT),
    )
    assert done.stdout.strip() == "['correct', 'correct', 'incorrect', 'no_answer']", done.stderr
    assert len(module.splitlines()) < 25


if __name__ == "__main__":
    (ROOT / "README.md").write_text(README.replace(shown_tree(), tree()))
