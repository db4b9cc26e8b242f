"""A run judged again: every flip is found, with its step; the same verifiers flip nothing."""

import asyncio
import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from rlvr.commands.rescore import rescore as command
from rlvr.errors import UserError
from rlvr.journal import Journal
from rlvr.records.rescore import rescore
from rlvr.samples import Judged, Prompt, Request, Rollout, Sample
from rlvr.view.rescored import rescores
from verifiers import Grader, Task, Verdict


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Six groups of two; the first answer is right. The run's verdict on group 2 was wrong, on group 3 an error."""
    book = Journal(tmp_path / "journal.sqlite")
    for batch in range(6):
        task = Task(id=f"t{batch}", prompt="p", verifier="exact", reference="yes")
        ids = [f"{batch:06}/0/0000/{place:03}" for place in range(2)]
        book.issued(batch, [Prompt(task, (1,))] * 2, [Request(id, (1,), 0) for id in ids])
        texts = ("yes", "no")
        rolls = [
            Rollout(id, (1,), (2,), (1,), (-1.0,), (0,), "stop", text) for id, text in zip(ids, texts, strict=True)
        ]
        book.generated(rolls)
        named = {"verifier": "exact", "version": "0.9"}
        verdicts = [Verdict.correct(**named), Verdict.incorrect("different", **named)]
        if batch == 2:
            verdicts.reverse()
        if batch == 3:
            verdicts[1] = Verdict.error("down", **named)
        judged = [Judged(r, v, v.score) for r, v in zip(rolls, verdicts, strict=True)]
        book.judged(judged)
        if batch < 4:
            book.trained(batch + 1, [Sample(j.rollout, 0.5) for j in judged if j.reward is not None])
    book.close()
    return tmp_path


def test_flips_and_the_steps_they_fed(run: Path) -> None:
    with Grader(workers=1) as grader:
        found = asyncio.run(rescore(run / "journal.sqlite", "again", grader))
    assert (found.judged, found.flips, found.trained_flips, found.groups, found.errors) == (12, 3, 2, 2, 0)
    assert [(step.step, step.trained, step.flips) for step in found.steps] == [(3, 2, 2)]
    assert {(c.before, c.after, c.count) for c in found.changes} == {
        ("correct", "incorrect", 1),
        ("incorrect", "correct", 1),
        ("error", "incorrect", 1),
    }
    [listed] = rescores(run)
    assert [row["id"] for row in listed.flips(1)] == ["000002/0/0000/000", "000002/0/0000/001", "000003/0/0000/001"]
    assert listed.flips(1)[0]["before"]["version"] == "0.9"
    assert listed.flips(2) == []


def test_another_verifier_judges_instead(run: Path) -> None:
    with Grader(workers=1) as grader:
        found = asyncio.run(rescore(run / "journal.sqlite", "other", grader, {"*": "choice", "exact": "math"}))
    assert {change.now.split()[0] for change in found.changes} == {"math"}


@pytest.mark.parametrize("limit", [1, 4, 5, 7, 11, 12, 100])
def test_a_part_of_the_run(run: Path, limit: int) -> None:
    with Grader(workers=1) as grader:
        found = asyncio.run(rescore(run / "journal.sqlite", "part", grader, limit=limit))
    assert found.judged == min(limit, 12)


def test_what_cannot_judge_is_said_before_any_work(run: Path) -> None:
    with Grader(workers=1) as grader, pytest.raises(UserError, match="instructions cannot judge rollout 000000"):
        asyncio.run(rescore(run / "journal.sqlite", "bad", grader, {"*": "instructions"}))
    assert rescores(run) == []


def test_the_command(run: Path) -> None:
    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, [str(run)])
    assert done.exit_code == 0, done.output
    assert "12 rollouts judged again" in done.output
    assert "3 rewards would be others" in done.output
    assert "most in step 3: 2 of 2" in done.output
    assert json.loads(CliRunner().invoke(app, [str(run), "--json"]).output)["flips"] == 3
    assert [each.name for each in rescores(run)] == ["1", "2"]
    for arguments in ([str(run / "none")], [str(run), "--verifier", "nobody"], [str(run), "--name", "../x"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 2, done.output
        assert done.output.count("\n") == 1
