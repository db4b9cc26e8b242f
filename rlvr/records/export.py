"""A run's rollouts for other tools: Parquet with TRL's column names, and logs for Inspect's viewer. Only read from.

pyarrow and inspect_ai are imported when they are needed. Token ids and log-probabilities stay in the journal.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from rlvr.view.rollouts import Row, group_of, reading
from verifiers import Task

_BY_STEP = """
SELECT rollouts.id, rollouts.batch, rollouts.step, rollouts.state, rollouts.dropped, rollouts.text, rollouts.status,
    rollouts.score, rollouts.reason, rollouts.extracted, rollouts.verifier, rollouts.verifier_version,
    rollouts.reward, rollouts.advantage, rollouts.finish, length(rollouts.response_ids) / 4 AS tokens,
    tasks.task AS row FROM rollouts JOIN tasks ON tasks.id = rollouts.task
WHERE rollouts.status IS NOT NULL ORDER BY rollouts.id
"""
"""In the order of the batches. Batch n is asked for in time for step n + 1."""


def steps(journal: Path) -> Iterator[tuple[int, list[Row]]]:
    """(step that they were asked for, the judged rollouts), those that were dropped included."""
    with reading(journal) as db:
        for batch, rows in groupby(db.execute(_BY_STEP), key=lambda row: row["batch"]):
            yield batch + 1, list(rows)


def parquet(journal: Path, folder: Path) -> list[Path]:
    """`completions_00012.parquet` a step, as TRL's `log_completions` leaves them, with more columns after its own.

    TRL's: `step`, `prompt`, `completion` (chat messages), a column of rewards a verifier, `advantage`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    names = _verifiers(journal)
    written = []
    for step, rows in steps(journal):
        path = folder / f"completions_{step:05d}.parquet"
        records = [_record(step, row, names) for row in rows]
        pq.write_table(pa.Table.from_pylist(records, schema=_schema(names)), path, compression="zstd")
        written.append(path)
    return written


def _verifiers(journal: Path) -> list[str]:
    """All of the run, so that every file has the same columns."""
    with reading(journal) as db:
        return sorted(name for [name] in db.execute("SELECT DISTINCT verifier FROM rollouts") if name)


def _schema(verifiers: list[str]) -> Any:
    import pyarrow as pa

    chat = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    texts = ("id", "group", "task", "state", "dropped", "status", "reason", "extracted", "verifier", "verifier_version")
    return pa.schema(
        [
            ("step", pa.int64()),
            ("prompt", chat),
            ("completion", chat),
            *((name, pa.float64()) for name in verifiers),
            ("advantage", pa.float64()),
            ("reward", pa.float64()),
            ("score", pa.float64()),
            ("completion_tokens", pa.int64()),
            ("trained_step", pa.int64()),
            ("finish", pa.string()),
            *((name, pa.string()) for name in texts),
        ]
    )


def _record(step: int, row: Row, verifiers: list[str]) -> dict[str, Any]:
    task = json.loads(row["row"])
    prompt = task["prompt"]
    names = ("advantage", "reward", "score", "finish", "id", "state", "dropped", "status", "reason", "extracted")
    return {
        "step": step,
        "prompt": [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [_turn(t) for t in prompt],
        "completion": [{"role": "assistant", "content": row["text"]}],
        **{name: row["score"] if name == row["verifier"] else None for name in verifiers},
        **{name: row[name] for name in names},
        "completion_tokens": row["tokens"],
        "trained_step": row["step"],
        "group": group_of(row["id"]),
        "task": task["id"],
        "verifier": row["verifier"],
        "verifier_version": row["verifier_version"],
    }


def _turn(turn: dict[str, Any]) -> dict[str, str]:
    content = turn.get("content", "")
    return {"role": str(turn.get("role", "")), "content": content if isinstance(content, str) else json.dumps(content)}


def inspect(journal: Path, folder: Path, model: str, every: int = 1) -> list[Path]:
    """One `.eval` log a step, of every n-th step: a sample is a prompt, an epoch a response of its group."""
    from inspect_ai.log import write_eval_log

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for step, rows in steps(journal):
        if step % every == 0:
            path = folder / f"step-{step:05d}.eval"
            write_eval_log(_log(step, rows, model), str(path))
            written.append(path)
    return written


def _log(step: int, rows: list[Row], model: str) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalMetric, EvalResults, EvalScore, EvalSpec

    groups = {group_of(row["id"]) for row in rows}
    scores = [row["score"] for row in rows if row["score"] is not None]
    mean = EvalMetric(name="mean", value=sum(scores) / len(scores)) if scores else None
    return EvalLog(
        version=2,
        status="success",
        eval=EvalSpec(
            created="1970-01-01T00:00:00+00:00",
            task=f"step {step}",
            task_id=f"step-{step}",
            run_id=f"step-{step}",
            model=model,
            dataset=EvalDataset(name="rollouts", samples=len(groups)),
            config=EvalConfig(epochs=max(1, len(rows) // max(1, len(groups)))),
        ),
        results=EvalResults(
            total_samples=len(rows),
            completed_samples=len(rows),
            scores=[EvalScore(name="verdict", scorer="verdict", metrics={"mean": mean} if mean else {})],
        ),
        samples=[_sample(row, model) for row in rows],
    )


def _sample(row: Row, model: str) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput
    from inspect_ai.scorer import Score

    task = Task.model_validate_json(row["row"])
    turns = [task.prompt] if isinstance(task.prompt, str) else [str(turn.get("content")) for turn in task.prompt]
    text = row["text"] or ""
    told = {name: row[name] for name in ("status", "verifier", "verifier_version", "reward", "advantage", "state")}
    reference = task.reference if isinstance(task.reference, str) else json.dumps(task.reference)
    score = Score(
        value=row["score"] if row["score"] is not None else "error",
        answer=row["extracted"],
        explanation=f"{row['status']}: {row['reason']}",
        metadata=told,
    )
    return EvalSample(
        id=group_of(row["id"]),
        epoch=int(row["id"].rpartition("/")[2]) + 1,
        input="\n\n".join(turns),
        target=reference,
        messages=[*(ChatMessageUser(content=turn) for turn in turns), ChatMessageAssistant(content=text)],
        output=ModelOutput.from_content(model=model, content=text),
        scores={"verdict": score},
        metadata={"rollout": row["id"], "task": task.id},
    )
