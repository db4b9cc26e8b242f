"""The report: everything a run has left is shown as it is, nothing that is missing breaks it, and no text gets out."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import pytest
from typer import Typer
from typer.testing import CliRunner

from rlvr.commands.report import report
from rlvr.view.report import write_report
from rlvr.view.run import NoRun

KIT = run_path(str(Path(__file__).with_name("pages.py")))
Page, HOSTILE, LOADERS = KIT["Page"], KIT["HOSTILE"], KIT["LOADERS"]


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_numbers_are_those_of_the_run(demo: Path) -> None:
    page = page_of(demo)
    summary = json.loads((demo / "summary.json").read_text())
    for score in summary["stages"].values():
        for share in (score["accuracy"], *score["families"].values()):
            assert f"{100 * share:.1f}%" in page.text
    rows = [json.loads(line) for line in (demo / "rl" / "metrics.jsonl").read_text().splitlines()]
    for row in rows[1:]:
        assert (
            f"step {row['step']} math {100 * row['reward/math']:.1f}% code {100 * row['reward/code']:.1f}%" in page.text
        )
    assert "closes 94.4% of the gap that SFT had left" in page.text
    assert "slips in 60% of its demonstrations" in page.text
    assert "4 min 12 s" in page.text
    assert "600 tasks" in page.text
    assert "94.7\N{EN DASH}97.9" in page.text  # that of the evaluation, over the tasks that could be judged


@pytest.mark.parametrize(
    "points",
    [
        [(0.2, 0.5), (0.4, 0.6)],
        [(1, -1e308), (2, 1e308)],
        [(1, -1e300), (2, 1e300)],
        [(1, 1e-323), (2, 0.0)],
        [(1, -1e-323), (2, 0.0)],
        [(1, 3e-310), (2, 1e-310)],
        [(1e17, 0.5)],
        [(2**53 - 1, 0.1), (2**53, 0.2)],
        [(1, -1e16 - 2), (2, -1e16)],
        [(1, 10**400), (10**400, 1)],
        [(-5, 0.1), (-3, 0.2)],
    ],
)
def test_odd_numbers_are_no_obstacle(tmp_path: Path, points: list[tuple[float, float]]) -> None:
    names = ("reward", "reward/math", "grad_norm", "entropy", "errors", "validation/accuracy", "tokens_per_s")
    rows = [{"step": step, **dict.fromkeys(names, value)} for step, value in points]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert re.findall(r"[^a-z](nan|inf)[^a-z]", page_of(tmp_path).text) == []


def test_a_reward_model_alone_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('stage = "reward-model"\n')
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.7, "pair_accuracy": 0.5}\n')
    page = page_of(tmp_path)
    assert "Reward model: the curves" in page.text
    assert "Pairs ranked right" in page.text


def test_the_journal_is_told(demo: Path) -> None:
    page = page_of(demo)
    counts = dict(re.findall(r"(issued|trained|dropped) ([\d,]+)", page.text))
    assert counts["issued"] == "2"
    assert int(counts["trained"]) + int(counts["dropped"]) == 720
    assert "code 1.0.0" in page.text
    for label in ("Early, wrong", "Early, right", "Late, wrong", "Late, right", "Error"):
        assert label in page.text
    assert "sandbox: no cgroup for the run" in page.text
    assert "no score: masked" in page.text
    assert re.search(r"score 0, advantage -0\.\d{3}", page.text)
    assert "1 verifier error, masked" in page.text


def test_curves_have_names_units_and_a_description(demo: Path) -> None:
    page = page_of(demo)
    for words in ("mean score", "nats per token", "tokens per second", "share of groups", "SFT: loss", "DPO: loss"):
        assert words in page.text
    spoken = "\n".join(page.labels)
    assert re.search(r"Held-out accuracy by stage: Base 0\.2%; SFT 40\.2%; DPO 71\.7%; RL 96\.7%", spoken)
    assert re.search(r"Entropy, nats per token: entropy from [\d.]+ at step 1 to [\d.]+ at step 60", spoken)


def test_one_file_and_nothing_from_elsewhere(demo: Path) -> None:
    text = write_report(demo).read_text(encoding="utf-8")
    page = Page(text)
    assert len(text.encode()) < 300_000
    assert not page.tags & LOADERS
    assert not {name for name, _ in page.attributes} & {"src", "href", "srcset", "action", "data", "background"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text


def test_a_control_says_so(control: Path) -> None:
    page = page_of(control)
    assert "This is a control run." in page.text
    assert "the rewards were drawn by coin" in page.text
    assert "from 71.7% after DPO to 72.1% (+0.4 points)" in page.text
    assert "weak teacher" not in page.text
    assert "gap closed" not in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(journal: Callable[[list[str]], Path], text: str) -> None:
    run = journal([text, text])
    (run / "config.toml").write_text(f"note = {json.dumps(text)}\n")
    (run / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.5, f"reward/{text}": 0.5, text: 1.0}) + "\n")
    page = page_of(run)
    assert not page.tags & LOADERS
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search("[\x00\x1b\u202e\ufeff]", page.text)
    if text.isprintable():
        assert text in page.text


def test_hostile_names_of_families_and_stages(demo: Path) -> None:
    name = '"><script>alert(1)</script>'
    stages = {name: {"accuracy": 0.5, "families": {name: 0.25}}, "rl": {"accuracy": 0.75, "families": {name: 0.5}}}
    (demo / "summary.json").write_text(json.dumps({"stages": stages, "control": name, "stage_seconds": {name: 3}}))
    page = page_of(demo)
    assert "script" not in page.tags
    assert "25.0%" in page.text


def test_long_answers_keep_their_ends_and_the_page_its_size(journal: Callable[[list[str]], Path]) -> None:
    run = journal(["begin" + "<&\"'" * 50_000 + "end"] * 40)
    text = write_report(run).read_text(encoding="utf-8")
    assert len(text.encode()) < 300_000
    assert "characters left out" in text
    assert '<pre dir="auto">begin' in text
    assert "end</pre>" in text


PARTS = [
    "summary.json",
    "config.toml",
    "rl/metrics.jsonl",
    "rl/journal.sqlite",
    "rl/config.toml",
    "sft/metrics.jsonl",
    "evaluate/summary.json",
]


@pytest.mark.parametrize("part", PARTS)
def test_any_part_may_be_missing(demo: Path, part: str) -> None:
    (demo / part).unlink()
    assert "demo" in page_of(demo).text


DAMAGE = ["", "{", 'null\n[1]\n{"step": NaN}\n', "\udcff\udcfe = {", '{"stages": {"rl": 3}}']


@pytest.mark.parametrize("part", PARTS)
def test_any_part_may_be_damaged(demo: Path, part: str) -> None:
    for content in DAMAGE:
        (demo / part).write_bytes(content.encode(errors="surrogateescape"))
        assert "demo" in write_report(demo).read_text(encoding="utf-8")
    page_of(demo)


def test_what_cannot_be_read_is_named(demo: Path) -> None:
    (demo / "summary.json").write_text('{"stages": {"rl": {"accuracy": 96.7}}}')
    (demo / "rl" / "journal.sqlite").write_text("no database, this")
    text = page_of(demo).text
    assert "summary.json is left out: stages.rl.accuracy" in text
    assert "rl/journal.sqlite cannot be read: file is not a database" in text


def test_a_torn_last_line_and_a_repeated_step(demo: Path) -> None:
    with (demo / "rl" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 60, "reward": 0.5, "reward/math": 0.123, "grad_norm": NaN}\n{"step": 61, "rew')
    page = page_of(demo)
    assert "math 12.3%" in page.text
    assert "rl/metrics.jsonl: 1 line without a step is left out" in page.text


def test_a_stage_alone(demo: Path) -> None:
    page = page_of(demo / "rl")
    assert "RL: the curves" in page.text
    assert re.search(r"Validation accuracy was \d+\.\d% at step 0 and \d+\.\d% at step 60; the best was", page.text)
    assert "Rollouts to look at" in page.text
    assert (demo / "rl" / "report.html").is_file()


def test_an_evaluation_alone(tmp_path: Path) -> None:
    models = {"a": {"accuracy": 0.25, "families": {}, "tasks": 100, "prompts_too_long": 0}}
    (tmp_path / "summary.json").write_text(json.dumps({"models": models}))
    page = page_of(tmp_path)
    assert "25.0%" in page.text
    assert "100 tasks" in page.text


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("")
    assert "Nothing has been evaluated yet." in page_of(tmp_path).text


def test_a_run_that_is_still_writing(demo: Path) -> None:
    """A reader leaves the writer's journal alone."""
    from rlvr.journal import Journal

    writer = Journal(demo / "rl" / "journal.sqlite")
    writer.db.execute("BEGIN IMMEDIATE")
    assert "Rollouts to look at" in page_of(demo).text
    writer.db.execute("COMMIT")
    writer.close()


@pytest.mark.parametrize("name", [".", "no/such/folder"])
def test_no_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoRun, match=r"no run: expected summary\.json"):
        write_report(tmp_path / name)


def test_imports_nothing_heavy() -> None:
    code = "import sys, rlvr.view.report as _; print({'torch', 'ray', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def command(run: Path) -> tuple[int, str, str]:
    app = Typer()
    app.command()(report)
    result = CliRunner().invoke(app, [str(run)])
    return result.exit_code, result.stdout, result.stderr


def test_command(demo: Path, tmp_path: Path) -> None:
    assert command(demo) == (0, f"{demo / 'report.html'}\n", "")
    code, out, err = command(tmp_path / "nothing")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
