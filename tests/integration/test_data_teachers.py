"""Recipes with a teacher over HTTP: whatever the endpoint does, the data are the same, and the budget holds."""

import hashlib
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rlvr.cli import app
from rlvr.data.log import entries
from rlvr.data.make import make
from rlvr.data.run import Outcome
from rlvr.data.self_instruct import SelfInstruct, SelfInstructConfig
from rlvr.data.teachers.ledger import spent
from rlvr.settings.load import dump

SERVER = Path(__file__).with_name("faulty_teacher.py")
FILES = ("dataset.jsonl", "rejected.jsonl", "instructions.jsonl", "finetuning.jsonl", "manifest.json")
PRICE = {"input": 2.0, "output": 6.0}


def question(request: dict[str, Any]) -> str:
    """What the server calls a request."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


FLAN = """
out = "{0}/out"
[datasets.own]
path = "{0}/rows.jsonl"
cluster = "own"
templates = "question"
"""
Start = Callable[..., Path]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Start]:
    """Starts a teacher with a share of faults; gives its folder, which holds its address and its attempts."""
    running = []

    def start(share: float = 0.0, delay_s: float = 0.0) -> Path:
        folder = tmp_path / f"server-{len(running)}"
        folder.mkdir()
        running.append(subprocess.Popen([sys.executable, SERVER, folder, str(share), str(delay_s)]))
        deadline = time.monotonic() + 30
        while not (folder / "address").exists():
            assert running[-1].poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return folder

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    path = tmp_path / "seeds.jsonl"
    path.write_text(
        "".join(
            json.dumps(row) + "\n"
            for row in [
                {
                    "instruction": f"Name {n} things that a {who} needs for work.",
                    "instances": [{"input": "", "output": "A hat."}],
                }
                for n, who in enumerate(
                    ["baker", "diver", "nurse", "pilot", "clown", "judge", "poet", "miner", "tailor"], start=2
                )
            ]
        )
    )
    return path


def settings(out: Path, seeds: Path, server: Path, **changed: Any) -> SelfInstructConfig:
    teacher = {
        "kind": "openai",
        "url": (server / "address").read_text(),
        "model": "grammar",
        "price": PRICE,
        "limits": {"timeout_s": 2.0, "backoff_s": 0.01, "attempts": 40},
    }
    whole = {"out": out, "seeds": seeds, "instructions": 25, "similarity": 0.9, "teacher": teacher} | changed
    return SelfInstructConfig.model_validate(whole)


def run(config: SelfInstructConfig) -> Outcome:
    return make(SelfInstruct, config, local=True)


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def attempts(server: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (server / "attempts.jsonl").read_text().splitlines()]


def test_the_same_data_come_of_a_sound_and_of_a_faulty_teacher(tmp_path: Path, seeds: Path, server: Start) -> None:
    sound, faulty = server(), server(share=0.4)
    assert run(settings(tmp_path / "sound", seeds, sound)).manifest["complete"]
    assert run(settings(tmp_path / "faulty", seeds, faulty)).manifest["complete"]
    assert contents(tmp_path / "sound") == contents(tmp_path / "faulty")
    seen = Counter(attempt["fault"] for attempt in attempts(faulty))
    assert len(seen) == 12, seen  # every fault came up
    assert not any(attempt["fault"] for attempt in attempts(sound))
    # No request that had a good answer in time was sent again; the log knows of every attempt.
    log = list(entries(tmp_path / "faulty"))
    answered = [attempt["key"] for attempt in attempts(faulty) if not attempt["fault"]]
    late = sum("no answer within" in str(entry.row.get("reason")) for entry in log) - seen["hang"]
    assert len(answered) - len(set(answered)) == late
    assert sum(entry.kind == "sent" for entry in log) == len(attempts(faulty))


def test_running_again_asks_nothing(tmp_path: Path, seeds: Path, server: Start) -> None:
    folder = server()
    run(settings(tmp_path / "out", seeds, folder))
    before, asked = contents(tmp_path / "out"), len(attempts(folder))
    run(settings(tmp_path / "out", seeds, folder))
    assert contents(tmp_path / "out") == before
    assert len(attempts(folder)) == asked


@pytest.mark.parametrize("budget", [{"requests": 30}, {"tokens": 40_000}, {"dollars": 0.06}])
def test_the_budget_is_never_passed(tmp_path: Path, seeds: Path, server: Start, budget: dict[str, float]) -> None:
    folder = server(share=0.3)
    outcome = run(settings(tmp_path / "out", seeds, folder, budget=budget))
    [(name, most)] = budget.items()
    assert f"raise budget.{name}" in str(outcome.unanswered)
    assert not outcome.manifest["complete"]
    known = spent(entries(tmp_path / "out"))
    billed = sum(
        PRICE["input"] * a["prompt_tokens"] + PRICE["output"] * a["completion_tokens"] for a in attempts(folder)
    )
    used = sum(a["prompt_tokens"] + a["completion_tokens"] for a in attempts(folder))
    assert {"requests": len(attempts(folder)), "tokens": used, "dollars": billed / 1e6}[name] <= most
    assert getattr(known, name) <= most
    # What there is can be read, and with more money the run goes on to the same end as any other.
    assert run(settings(tmp_path / "out", seeds, folder)).manifest["complete"]
    run(settings(tmp_path / "other", seeds, folder))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_what_it_cost(tmp_path: Path, seeds: Path, server: Start) -> None:
    folder = server(share=0.3)
    run(settings(tmp_path / "out", seeds, folder, instructions=10))
    told = CliRunner().invoke(app, ["data", "cost", str(tmp_path / "out"), "--json"])
    found = json.loads(told.stdout)
    answered = {attempt["key"]: attempt["prompt_tokens"] for attempt in attempts(folder)}
    bill = found["spent"]["teacher"]
    assert bill["answers"] == len(answered)
    assert bill["failed"] == len(attempts(folder)) - len(answered)
    assert bill["input_tokens"] == sum(answered.values())
    assert found["records"] == len((tmp_path / "out/dataset.jsonl").read_text().splitlines())
    assert found["dollars_per_record"] == pytest.approx(found["dollars"] / found["records"])
    assert found["dollars"] == pytest.approx(float(spent(entries(tmp_path / "out")).dollars))
    assert found["predicted_dollars"] == pytest.approx(sum(bill["dollars"] for bill in found["predicted"].values()))
    assert "each" in CliRunner().invoke(app, ["data", "cost", str(tmp_path / "out")]).stdout


def test_what_is_kept_counts_in_every_file(tmp_path: Path) -> None:
    """Also where no file is called `dataset`."""
    (tmp_path / "rows.jsonl").write_text('{"question": "Who?", "answer": "He."}\n' * 4)
    (tmp_path / "flan.toml").write_text(FLAN.format(tmp_path))
    made = CliRunner().invoke(app, ["data", "flan", str(tmp_path / "flan.toml"), "--local"])
    assert made.stdout.splitlines()[0].endswith("flan, version 1, complete")
    told = CliRunner().invoke(app, ["data", "cost", str(tmp_path / "out"), "--json"])
    assert json.loads(told.stdout)["records"] == 4


@pytest.mark.slow
def test_who_waits_is_told_how_far_it_is(tmp_path: Path, seeds: Path, server: Start) -> None:
    told: list[str] = []
    teacher = {"kind": "openai", "url": (server() / "address").read_text(), "model": "grammar"}
    teacher |= {"limits": {"requests_per_minute": 60.0}}
    config = settings(tmp_path / "out", seeds, tmp_path / "server-0", teacher=teacher, budget={"requests": 14})
    make(SelfInstruct, config, local=True, tell=told.append)
    assert re.fullmatch(
        r"round \d: \d+ kept and \d+ rejected before it, \d+ answers in this run, \$0.00 in all", told[0]
    )


def test_another_configuration_is_refused(tmp_path: Path, seeds: Path, server: Start) -> None:
    folder = server()
    run(settings(tmp_path / "out", seeds, folder))
    with pytest.raises(ValueError, match=r"other settings \(similarity: 0.9, now 0.5\)"):
        run(settings(tmp_path / "out", seeds, folder, similarity=0.5))
    more = run(settings(tmp_path / "out", seeds, folder, instructions=35))
    assert more.manifest["files"]["instructions"]["records"] >= 35


TRIALS = 20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_anywhere_it_ends_with_the_same_bytes(tmp_path: Path, seeds: Path, server: Start) -> None:
    """SIGKILL at twenty random moments of a run, each then run to its end; what was answered is not asked again."""
    folder = server(share=0.2, delay_s=0.02)
    rng = random.Random(20)
    whole_s = cut_short(tmp_path, settings(tmp_path / "whole", seeds, folder), after_s=None)
    moments = [rng.uniform(0.0, whole_s) for _ in range(TRIALS)]
    interrupted = 0
    for trial, moment in enumerate(moments):
        out = tmp_path / str(trial)
        config = settings(out, seeds, folder)
        cut_short(tmp_path, config, after_s=moment)
        interrupted += (out / "responses.jsonl").exists() and not (out / "manifest.json").exists()
        answered = {question(entry.row["request"]) for entry in entries(out) if entry.kind == "reply"}
        asked = len(attempts(folder))
        cut_short(tmp_path, config, after_s=None)
        assert contents(out) == contents(tmp_path / "whole"), f"killed after {moment:.2f} s"
        assert not answered & {attempt["key"] for attempt in attempts(folder)[asked:]}
    assert interrupted >= TRIALS // 4  # the others died while importing, or had just ended


def cut_short(folder: Path, config: SelfInstructConfig, after_s: float | None) -> float:
    """Run the command, to its end or to a SIGKILL; gives the seconds that it ran."""
    path = folder / "config.toml"
    path.write_text(dump(config))
    began = time.monotonic()
    command = [sys.executable, "-m", "rlvr.cli", "data", "self-instruct", str(path), "--local"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        assert process.wait(after_s or 120) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        assert after_s is not None, "the run did not end"
    return time.monotonic() - began
