"""The journal: every rollout of a run, from the asking to the step that trained on it, in one SQLite file.

    issued -> generated -> judged -> trained(step), or dropped(reason)

It is the single source of truth: a step's batch, and what is left out of it, is written here in one transaction before
the learner sees it. After a crash the learner goes back to its last checkpoint and replays the batches that follow from
here; what was issued is asked for again, what was generated is judged again, and what was judged is kept. So nothing is
lost and no rollout belongs to two steps. One writer; anybody may read while the run goes on (WAL).
"""

import json
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlvr.samples import Asked, Judged, Prompt, Request, Rollout, Sample
from verifiers import Task, Verdict

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, task TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS rollouts (
    id TEXT PRIMARY KEY, batch INTEGER NOT NULL, task TEXT NOT NULL, seed INTEGER NOT NULL, state TEXT NOT NULL,
    prompt_ids BLOB NOT NULL, response_ids BLOB, mask BLOB, logprobs BLOB, versions BLOB, finish TEXT, text TEXT,
    status TEXT, score REAL, reason TEXT, extracted TEXT, details TEXT, verifier TEXT, verifier_version TEXT,
    elapsed_ms REAL, cached INTEGER, reward REAL, advantage REAL, step INTEGER, place INTEGER, dropped TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS rollouts_by_batch ON rollouts (batch);
CREATE INDEX IF NOT EXISTS rollouts_by_step ON rollouts (step, place);
CREATE INDEX IF NOT EXISTS rollouts_for_readers ON rollouts (
    id, batch, task, state, dropped, verifier, verifier_version, status, reward, step
);
CREATE TABLE IF NOT EXISTS steps (step INTEGER PRIMARY KEY, samples INTEGER NOT NULL, metrics TEXT) STRICT;
"""


class Journal:
    """The file of one run, opened for writing."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.executescript(SCHEMA)

    def issued(self, batch: int, prompts: Sequence[Prompt], requests: Sequence[Request]) -> None:
        """Asked of the engine. Asking again for the same id, after a crash, changes nothing. One prompt a request."""
        with self._transaction():
            self.db.executemany(
                "INSERT OR IGNORE INTO tasks VALUES (?, ?)", [(p.task.id, p.task.model_dump_json()) for p in prompts]
            )
            self.db.executemany(
                "INSERT OR IGNORE INTO rollouts (id, batch, task, seed, state, prompt_ids) "
                "VALUES (?, ?, ?, ?, 'issued', ?)",
                [(r.id, batch, p.task.id, r.seed, _ints(r.prompt_ids)) for p, r in zip(prompts, requests, strict=True)],
            )

    def changed(self, tasks: Iterable[Task]) -> list[str]:
        """Ids of those that were other tasks when this run asked for them."""
        kept: dict[str, str] = dict(self.db.execute("SELECT id, task FROM tasks"))
        now = {task.id: task.model_dump_json() for task in tasks}
        return [id for id, task in now.items() if kept.get(id, task) != task]

    def generated(self, rollouts: Iterable[Rollout]) -> None:
        """What the engine sampled, for good. Raises ValueError for a rollout not issued, or sampled before."""
        with self._transaction():
            for r in rollouts:
                response = (_ints(r.response_ids), bytes(r.mask), _floats(r.logprobs), _ints(r.versions))
                changed = self.db.execute(
                    "UPDATE rollouts SET state = 'generated', response_ids = ?, mask = ?, logprobs = ?, versions = ?, "
                    "finish = ?, text = ? WHERE id = ? AND state = 'issued'",
                    (*response, r.finish, r.text, r.id),
                )
                if changed.rowcount != 1:
                    raise ValueError(f"rollout {r.id} is not in state issued; it cannot be sampled (again)")

    def judged(self, judged: Iterable[Judged]) -> None:
        """Verdicts and rewards, for good. Raises ValueError for a rollout not sampled yet or judged before."""
        with self._transaction():
            for j in judged:
                changed = self.db.execute(
                    "UPDATE rollouts SET state = 'judged', status = ?, score = ?, reason = ?, extracted = ?, "
                    "details = ?, verifier = ?, verifier_version = ?, elapsed_ms = ?, cached = ?, reward = ? "
                    "WHERE id = ? AND state = 'generated'",
                    (*_verdict_row(j.verdict), j.reward, j.rollout.id),
                )
                if changed.rowcount != 1:
                    raise ValueError(f"rollout {j.rollout.id} is not in state generated; it cannot be judged")

    def trained(self, step: int, samples: Sequence[Sample], dropped: Mapping[str, Iterable[str]] = {}) -> None:
        """The batch of a step, and with it the rollouts that will not be trained on, by reason: for good.

        It is on the disk before the learner sees the batch: a checkpoint is never ahead of its journal. Raises
        ValueError for a rollout that is not judged or already trained.
        """
        with self._transaction(synchronous="FULL"):
            for place, sample in enumerate(samples):
                changed = self.db.execute(
                    "UPDATE rollouts SET state = 'trained', step = ?, place = ?, advantage = ? "
                    "WHERE id = ? AND state = 'judged'",
                    (step, place, sample.advantage, sample.rollout.id),
                )
                if changed.rowcount != 1:
                    raise ValueError(
                        f"rollout {sample.rollout.id} is not in state judged; step {step} cannot train on it"
                    )
            for reason, ids in dropped.items():
                self.db.executemany(
                    "UPDATE rollouts SET state = 'dropped', dropped = ? WHERE id = ? AND state = 'judged'",
                    [(reason, id) for id in ids],
                )
            self.db.execute("INSERT INTO steps (step, samples) VALUES (?, ?)", (step, len(samples)))

    def metrics(self, step: int, metrics: dict[str, float]) -> None:
        """What was found of a step's weights; step 0 is the model that the run began with."""
        self.db.execute(
            "INSERT INTO steps VALUES (?, 0, ?) ON CONFLICT (step) DO UPDATE SET metrics = excluded.metrics",
            (step, json.dumps(metrics)),
        )

    def steps(self) -> dict[int, dict[str, float]]:
        """Every step that was committed to, with its metrics (none yet if the run died in it), and 0 once looked at."""
        rows = self.db.execute("SELECT step, metrics FROM steps ORDER BY step")
        return {step: json.loads(metrics or "{}") for step, metrics in rows}

    def last_spreads(self, count: int) -> list[float]:
        """Highest less lowest reward that each of the last steps trained on, newest first; 0 for an empty step."""
        spread = "(SELECT max(reward) - min(reward) FROM rollouts WHERE rollouts.step = steps.step)"
        rows = self.db.execute(
            f"SELECT coalesce({spread}, 0.0) FROM steps WHERE step > 0 ORDER BY step DESC LIMIT ?", (count,)
        )
        return [spread for [spread] in rows]

    def batch_of(self, step: int) -> list[Sample]:
        """What `trained` was given, bit for bit."""
        rows = self.db.execute(
            f"SELECT {_ROLLOUT}, advantage, reward FROM rollouts WHERE step = ? ORDER BY place", (step,)
        )
        return [Sample(_rollout(row), advantage, reward) for *row, advantage, reward in rows]

    def unfinished(self) -> list[Asked]:
        """What was asked for and is neither trained on nor dropped, in the order in which it was asked for."""
        groups: dict[str, Asked] = {}
        rows = self.db.execute(
            f"SELECT {_ROLLOUT}, seed, state, reward, {_VERDICT}, tasks.task FROM rollouts JOIN tasks "
            "ON tasks.id = rollouts.task WHERE state IN ('issued', 'generated', 'judged') ORDER BY rollouts.rowid"
        )
        for row in rows:
            (seed, state, reward), verdict, task = row[8:11], row[11:20], row[20]
            prompt_ids = tuple(array("i", row[1]))
            name = row[0].rpartition("/")[0]
            asked = groups.setdefault(name, Asked(name, Prompt(Task.model_validate_json(task), prompt_ids), []))
            asked.requests.append(Request(row[0], prompt_ids, seed))
            if state != "issued":
                rollout = asked.rollouts[row[0]] = _rollout(row[:8])
                if state == "judged":
                    asked.judged[row[0]] = Judged(rollout, _verdict(row[0], verdict), reward)
        return list(groups.values())

    def solved(self, scale: float) -> dict[str, tuple[float, int]]:
        """Of every task in the batches cut so far: the sum of its rewards as shares of `scale`, and how many."""
        rows = self.db.execute(
            "SELECT task, sum(min(1.0, max(0.0, reward / ?))), count(reward) FROM rollouts "
            "WHERE state IN ('trained', 'dropped') GROUP BY task",
            (scale,),
        )
        return {task: (total or 0.0, count) for task, total, count in rows}

    def counts(self) -> dict[str, int]:
        """How many rollouts are in each state."""
        return dict(self.db.execute("SELECT state, count(*) FROM rollouts GROUP BY state"))

    def close(self) -> None:
        self.db.close()

    def _transaction(self, synchronous: str = "NORMAL") -> "_Transaction":
        return _Transaction(self.db, synchronous)


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK on an error. With FULL, it and all before it are on the disk then."""

    def __init__(self, db: sqlite3.Connection, synchronous: str) -> None:
        self.db, self.synchronous = db, synchronous

    def __enter__(self) -> None:
        self.db.execute(f"PRAGMA synchronous={self.synchronous}")
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not kind:
            self.db.execute("COMMIT")
        elif self.db.in_transaction:  # SQLite takes one back by itself when the disk is full
            self.db.execute("ROLLBACK")


_ROLLOUT = "rollouts.id, prompt_ids, response_ids, mask, logprobs, versions, finish, text"


def _rollout(row: Sequence[Any]) -> Rollout:
    id, prompt, response, mask, logprobs, versions, finish, text = row
    return Rollout(
        id=id,
        prompt_ids=tuple(array("i", prompt)),
        response_ids=tuple(array("i", response)),
        mask=tuple(mask),
        logprobs=tuple(array("f", logprobs)),
        versions=tuple(array("i", versions)),
        finish=finish,
        text=text,
    )


_VERDICT = "status, score, reason, extracted, details, verifier, verifier_version, elapsed_ms, cached"


def _verdict(id: str, row: Sequence[Any]) -> Verdict:
    status, score, reason, extracted, details, verifier, version, elapsed_ms, cached = row
    return Verdict(
        id=id,
        status=status,
        score=score,
        reason=reason,
        extracted=extracted,
        details=json.loads(details),
        verifier=verifier,
        version=version,
        elapsed_ms=elapsed_ms,
        cached=bool(cached),
    )


def _verdict_row(verdict: Verdict) -> tuple[Any, ...]:
    return (
        verdict.status,
        verdict.score,
        verdict.reason,
        verdict.extracted,
        json.dumps(verdict.details, default=str),
        verdict.verifier,
        verdict.version,
        verdict.elapsed_ms,
        int(verdict.cached),
    )


def _ints(values: Sequence[int]) -> bytes:
    return array("i", values).tobytes()


def _floats(values: Sequence[float]) -> bytes:
    """fp32: what engines return, so nothing is lost."""
    return array("f", values).tobytes()
