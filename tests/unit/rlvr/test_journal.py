"""The journal: what its states allow, what comes back, and what a crash or a reader finds."""

import dataclasses
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rlvr.journal import Journal
from rlvr.samples import Judged, Prompt, Request, Rollout, Sample
from verifiers import Task, Verdict

TASK = Task(id="t", prompt="Say A.", verifier="exact", reference="A")
IDS = [f"000000/0/0000/{i:03}" for i in range(4)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    book = Journal(tmp_path / "journal.sqlite")
    yield book
    book.close()


@pytest.fixture
def rollouts(rollout: Callable[..., Rollout]) -> list[Rollout]:
    return [rollout(id) for id in IDS]


def issue(journal: Journal, ids: list[str] = IDS) -> None:
    journal.issued(0, [Prompt(TASK, (1, 2, 3))] * len(ids), [Request(id, (1, 2, 3), 7) for id in ids])


def judge(journal: Journal, rollouts: list[Rollout], reward: float = 1.0) -> None:
    journal.judged(Judged(r, Verdict.correct(verifier="exact", version="1"), reward) for r in rollouts)


def rows(journal: Journal) -> list[tuple[object, ...]]:
    return list(journal.db.execute("SELECT * FROM rollouts ORDER BY id")) + list(
        journal.db.execute("SELECT * FROM steps")
    )


def test_a_rollout_goes_from_issued_to_trained(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    assert journal.counts() == {"issued": 4}
    journal.generated(rollouts)
    assert journal.counts() == {"generated": 4}
    judge(journal, rollouts[:3])
    assert journal.counts() == {"generated": 1, "judged": 3}
    journal.trained(1, [Sample(rollouts[0], 0.5)], {"no_signal": IDS[1:2], "stale": IDS[2:3], "error": []})
    assert journal.counts() == {"dropped": 2, "generated": 1, "trained": 1}
    assert list(journal.db.execute("SELECT id, dropped FROM rollouts WHERE state = 'dropped' ORDER BY id")) == [
        (IDS[1], "no_signal"),
        (IDS[2], "stale"),
    ]


def test_nothing_is_trained_before_it_is_judged(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts[:1])
    before = rows(journal)
    for unready in ([rollouts[0], rollouts[1]], [rollouts[0], rollouts[0]]):
        with pytest.raises(ValueError, match="is not in state judged; step 1 cannot train on it"):
            journal.trained(1, [Sample(r, 0.5) for r in unready])
        assert rows(journal) == before


def test_nothing_is_trained_twice(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts)
    journal.trained(1, [Sample(r, 0.5) for r in rollouts[:2]])
    before = rows(journal)
    with pytest.raises(ValueError, match="step 2 cannot train"):
        journal.trained(2, [Sample(r, 0.5) for r in rollouts[1:]])
    with pytest.raises(sqlite3.IntegrityError):
        journal.trained(1, [Sample(r, 0.5) for r in rollouts[2:]])
    with pytest.raises(ValueError, match="cannot be judged"):
        judge(journal, rollouts[:1])
    with pytest.raises(ValueError, match="cannot be sampled"):
        journal.generated(rollouts[:1])
    assert rows(journal) == before


def test_what_is_dropped_is_dropped_with_its_batch_or_not_at_all(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts[1:])
    before = rows(journal)
    with pytest.raises(ValueError, match="step 1 cannot train"):
        journal.trained(1, [Sample(rollouts[0], 0.5)], {"no_signal": IDS[1:]})
    assert rows(journal) == before
    journal.trained(1, [Sample(rollouts[1], 0.5)], {"stale": IDS})
    assert journal.counts() == {"dropped": 2, "generated": 1, "trained": 1}


def test_only_what_was_sampled_is_judged(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    with pytest.raises(ValueError, match="cannot be judged"):
        judge(journal, rollouts[:1])
    with pytest.raises(ValueError, match="cannot be sampled"):
        journal.generated([rollouts[0], Rollout("other", (), (), (), (), (), "stop", "")])
    assert journal.counts() == {"issued": 4}


def test_a_batch_comes_back_bit_for_bit_and_in_order(journal: Journal, rollout: Callable[..., Rollout]) -> None:
    rng = np.random.default_rng(0)
    made = []
    for id in reversed(IDS):
        n = int(rng.integers(1, 9))
        logprobs = rng.normal(-1, 3, n).astype(np.float32)
        logprobs[0] = np.float32(-1e-45)  # the smallest number there is
        made.append(
            rollout(
                id,
                tuple(rng.integers(0, 2**31 - 1, n).tolist()),
                prompt_ids=(2**31 - 1, 0),
                mask=tuple(rng.integers(0, 2, n).tolist()),
                logprobs=tuple(logprobs.tolist()),
                versions=tuple(rng.integers(0, 99, n).tolist()),
                finish="length",
                text="é\n😀 'quoted' \x00 end",
            )
        )
    issue(journal)
    issued_with = (1, 2, 3)
    journal.generated(made)
    judge(journal, made)
    batch = [Sample(r, a) for r, a in zip(made, (0.1 + 0.2, -1 / 3, 1e-300, -0.0), strict=True)]
    journal.trained(1, batch)
    back = journal.batch_of(1)
    assert [s.advantage for s in back] == [s.advantage for s in batch]
    for field in ("id", "response_ids", "mask", "logprobs", "versions", "finish", "text"):
        assert [getattr(s.rollout, field) for s in back] == [getattr(s.rollout, field) for s in batch], field
    assert {s.rollout.prompt_ids for s in back} == {issued_with}


def test_unfinished_is_what_a_killed_run_goes_on_with(journal: Journal, rollouts: list[Rollout]) -> None:
    other = [f"000001/0/0000/{i:03}" for i in range(2)]
    gone = [f"000002/0/0000/{i:03}" for i in range(2)]
    for ids in (other, IDS, gone):
        issue(journal, ids)
    journal.generated(rollouts[1:3])
    wrong = Verdict.incorrect("different", id=IDS[1], extracted="B", details={"k": [1]}, verifier="exact", version="2")
    journal.judged([Judged(rollouts[1], wrong, 0.0)])
    left = [dataclasses.replace(rollouts[0], id=id) for id in gone]
    journal.generated(left)
    judge(journal, left)
    journal.trained(1, [Sample(left[0], 1.0)], {"error": gone[1:]})
    first, second = journal.unfinished()
    assert (first.id, first.rollouts, first.judged) == ("000001/0/0000", {}, {})
    assert second.id == "000000/0/0000"
    assert second.prompt == Prompt(TASK, (1, 2, 3))
    assert second.requests == [Request(id, (1, 2, 3), 7) for id in IDS]
    assert second.rollouts == {r.id: r for r in rollouts[1:3]}
    assert second.judged == {IDS[1]: Judged(rollouts[1], wrong, 0.0)}


def test_solved_adds_up_what_has_been_cut(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    rewards = [1.0, 0.25, None, 1.0]
    verdicts = [Verdict.error("down") if reward is None else Verdict.of_score(reward) for reward in rewards]
    journal.judged(map(Judged, rollouts, verdicts, rewards))
    assert journal.solved(1.0) == {}
    journal.trained(1, [Sample(rollouts[0], 0.5)], {"no_signal": IDS[1:3]})
    assert journal.solved(1.0) == {"t": (1.25, 2)}
    assert journal.solved(2.0) == {"t": (0.625, 2)}
    assert journal.solved(0.5) == {"t": (1.5, 2)}


def test_what_the_model_was_at_the_start_is_kept(journal: Journal) -> None:
    journal.metrics(0, {"validation/accuracy": 0.8})
    journal.trained(1, [])
    journal.metrics(1, {"validation/accuracy": 0.6})
    assert journal.steps() == {0: {"validation/accuracy": 0.8}, 1: {"validation/accuracy": 0.6}}
    assert journal.last_spreads(5) == [0.0]


def test_a_batch_is_on_the_disk_before_anybody_learns_from_it(journal: Journal, rollouts: list[Rollout]) -> None:
    """A checkpoint is, and must not know more than its journal. The rest may wait for it."""
    statements: list[str] = []
    journal.db.set_trace_callback(statements.append)
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts)
    journal.trained(1, [Sample(rollouts[0], 0.5)])
    said = [text.rpartition("=")[2] for text in statements if text.startswith("PRAGMA synchronous")]
    assert said == ["NORMAL", "NORMAL", "NORMAL", "FULL"]


def test_tasks_that_have_changed_are_named(journal: Journal) -> None:
    issue(journal)
    other = Task(id="other", prompt="?", verifier="exact", reference="1")
    assert journal.changed([TASK, other]) == []
    assert journal.changed([other, TASK.model_copy(update={"reference": "mended"})]) == [TASK.id]


def test_issuing_twice_changes_nothing(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts)
    before = rows(journal)
    issue(journal)
    assert rows(journal) == before


def test_steps_and_the_spreads_of_their_rewards(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    judge(journal, rollouts[:2], 0.25)
    judge(journal, rollouts[2:])
    journal.trained(1, [])
    journal.trained(2, [Sample(r, 0.5) for r in rollouts[:3]])
    journal.trained(3, [Sample(r, 0.5) for r in rollouts[3:]])
    journal.metrics(1, {"reward": 0.25})
    assert journal.steps() == {1: {"reward": 0.25}, 2: {}, 3: {}}
    assert journal.last_spreads(5) == [0, 0.75, 0]
    assert journal.last_spreads(2) == [0, 0.75]
    assert journal.batch_of(1) == journal.batch_of(4) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from rlvr.journal import Journal
from rlvr.samples import Prompt, Request
from verifiers import Task
book = Journal(Path(sys.argv[1]))
prompt = Prompt(Task(id="t", prompt="p", verifier="exact", reference="A"), (1, 2, 3))
book.issued(0, [prompt], [Request("whole", (1, 2, 3), 7)])
book.db.execute("BEGIN IMMEDIATE")
book.db.execute("INSERT INTO steps VALUES (1, 0, NULL)")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_a_kill_whole_transactions_are_there_and_no_half_ones(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == -signal.SIGKILL
    book = Journal(path)
    assert book.counts() == {"issued": 1}
    assert book.steps() == {}
    issue(book)
    assert book.counts() == {"issued": 5}
    book.close()


def test_a_reader_sees_what_is_committed_while_the_run_writes(
    journal: Journal, rollouts: list[Rollout], tmp_path: Path
) -> None:
    issue(journal)
    reader = sqlite3.connect(f"file:{tmp_path / 'journal.sqlite'}?mode=ro", uri=True, timeout=0.1)
    count = "SELECT count(*) FROM rollouts WHERE state = 'generated'"
    reader.execute("BEGIN")
    assert reader.execute(count).fetchone() == (0,)
    journal.generated(rollouts)  # the reader does not stop the writer
    assert reader.execute(count).fetchone() == (0,)  # nor the writer change what a reader is reading
    reader.execute("COMMIT")
    journal.db.execute("BEGIN IMMEDIATE")
    assert reader.execute(count).fetchone() == (4,)
    journal.db.execute("ROLLBACK")
    reader.close()


def test_the_verdict_is_kept_whole(journal: Journal, rollouts: list[Rollout]) -> None:
    issue(journal)
    journal.generated(rollouts)
    wrong = Verdict.incorrect(
        "different", extracted="B", details={"k": [1]}, verifier="exact", version="2", elapsed_ms=1.5
    )
    journal.judged([Judged(rollouts[0], wrong, 1.0), Judged(rollouts[1], Verdict.error("broken"), None)])
    fields = "status, score, reason, extracted, details, verifier, verifier_version, elapsed_ms, cached, reward"
    first, second = journal.db.execute(f"SELECT {fields} FROM rollouts WHERE state = 'judged' ORDER BY id")
    assert first == ("incorrect", 0.0, "different", "B", '{"k": [1]}', "exact", "2", 1.5, 0, 1.0)
    assert second[:3] == ("error", None, "broken")
    assert second[-1] is None
