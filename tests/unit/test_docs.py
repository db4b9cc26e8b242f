"""The guides, held to the truth like the README: their commands exist, their links lead somewhere, all are listed."""

import re
from itertools import takewhile
from pathlib import Path
from runpy import run_path

import pytest

import verifiers
from rlvr.config import STAGES
from rlvr.settings import load
from verifiers import Task

ROOT = Path(__file__).parents[2]
KIT = run_path(str(Path(__file__).with_name("test_readme.py")))
GUIDES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "deploy" / "README.md"])


def lines(text: str) -> list[list[str]]:
    """What is said to `rlvr` in bash and console blocks, in indented ones, and within sentences."""
    found = []
    for block in re.findall(r"^```(?:bash|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found += [line.removeprefix("$ ") for line in block.splitlines()]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found += [line[4:] for line in prose.splitlines() if re.match(r"    (rlvr|make) ", line)]
    found += re.findall(r"`((?:rlvr|make) [^`]+)`", prose)
    words = [re.sub(r"\s#.*", "", line).split() for line in found if line.startswith(("rlvr ", "make "))]
    return [list(takewhile(lambda word: not word.isupper(), line)) for line in words]  # RECIPE stands for one


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_command_is_understood(guide: Path) -> None:
    said = [line[1:] for line in lines(guide.read_text()) if line[0] == "rlvr"]
    assert {" ".join(words): problem for words in said if (problem := KIT["problem"](words))} == {}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_make_target_and_every_link_is_there(guide: Path) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert [line[1] for line in lines(guide.read_text()) if line[0] == "make" and line[1] not in targets] == []
    links = re.findall(r"\]\(([^)#]+)\)", guide.read_text())
    assert [link for link in links if "://" not in link and not (guide.parent / link).exists()] == []


def configurations() -> list[tuple[str, str]]:
    """Blocks of TOML that name their stage, by guide."""
    return [
        (guide.name, block)
        for guide in GUIDES
        for block in re.findall(r"^```toml\n(.*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL)
        if re.search(r"^stage = ", block, re.MULTILINE)
    ]


@pytest.mark.parametrize(("guide", "text"), configurations())
def test_every_configuration_is_valid(guide: str, text: str) -> None:
    given = load.parse(text, guide)
    load.validate(STAGES[given["stage"]], given, [], source=guide)


def test_the_tasks_of_the_guide_are_judged_right() -> None:
    """Of docs/train.md, with an answer to each."""
    [block] = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs/train.md").read_text(), re.MULTILINE | re.DOTALL)
    tasks = [Task.model_validate_json(line) for line in block.splitlines()]
    answers = [r"\boxed{72}", "def double(x): return x + x", "Water falls from the clouds."]
    verdicts = [
        verifiers.verify(task.verifier, answer, task.reference) for task, answer in zip(tasks, answers, strict=True)
    ]
    assert [verdict.status for verdict in verdicts] == ["correct"] * 3


def test_every_guide_is_listed() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "README.md").read_text()))
    there = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert there - listed == {"README.md"}, "give it a line in docs/README.md"


def test_what_is_not_there_would_be_noticed() -> None:
    assert lines("```bash\nrlvr vew runs  # x\n```\n`rlvr report --tabel`") == [
        ["rlvr", "vew", "runs"],
        ["rlvr", "report", "--tabel"],
    ]
    assert KIT["problem"](["vew", "runs"]) == "no command 'vew'"
