"""Signs in a run's metrics that something is going wrong, in words that say what to look at. Rules, not judgements."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rlvr.view.figures import number, percent
from rlvr.view.run import Row

ERRORS, TRUNCATED, UNDECIDED, TEACHES, KL = 0.01, 0.2, 0.05, 0.02, 0.1
NO_ANSWER, REPEATED, BY_LENGTH, STALE = 0.5, 0.9, 0.9, 0.1
COLLAPSE = 0.1
"""Of the entropy at the start; what is left below that is a collapse."""
GROWTH = 2.0
"""Times the length at the start."""
FALL = 0.05
"""Of validation accuracy below its best, while the training reward is not falling."""
DRIFT = 0.1
"""More than at the start, of the gap between the reward and a stricter verifier that rewards nothing."""
START = 5
"""The first steps, whose mean is the start."""


@dataclass(frozen=True, slots=True)
class Alarm:
    steps: str
    about: str


def alarms(rows: Sequence[Row]) -> list[Alarm]:
    """Of an RL stage's metrics, by step. Steps in a row are one alarm."""
    return [
        *_where(rows, "errors", lambda v: v > ERRORS, "verifier errors, up to {:.1%}: masked, but look at them"),
        *_where(rows, "undecided", lambda v: v > UNDECIDED, "undecided verdicts, up to {:.1%}: checks ran out of time"),
        *_where(rows, "no_answer", lambda v: v > NO_ANSWER, "responses without an answer to judge, up to {:.1%}"),
        *_where(rows, "repeated", lambda v: v > REPEATED, "the same response to different tasks, up to {:.1%}"),
        *_where(rows, "reward_by_length", lambda v: abs(v) > BY_LENGTH, "reward and length correlated, up to {:.2f}"),
        *_where(rows, "stale", lambda v: v > STALE, "groups that came too late to be trained on, up to {:.1%}"),
        *_where(rows, "truncated", lambda v: v > TRUNCATED, "answers cut at the length limit, up to {:.1%}"),
        *_where(rows, "sampler_kl", lambda v: abs(v) > KL, "sampler and learner apart, up to {:.2g} nats a token"),
        *_silent(rows),
        *_entropy(rows),
        *_length(rows),
        *_hacking(rows),
        *_drift(rows),
    ]


def _where(rows: Sequence[Row], key: str, bad: Callable[[float], bool], about: str) -> Iterator[Alarm]:
    for is_bad, found in groupby((row for row in rows if key in row), lambda row: bad(row[key])):
        if is_bad:
            run = list(found)
            yield Alarm(_steps(run), about.format(max((row[key] for row in run), key=abs)))


def _silent(rows: Sequence[Row]) -> Iterator[Alarm]:
    for empty, found in groupby(
        (row for row in rows if "informative" in row), lambda row: row["informative"] < TEACHES
    ):
        run = list(found)
        if empty and len(run) >= START:
            yield Alarm(_steps(run), "hardly a group had differing rewards, so there was nothing to learn from")


def _entropy(rows: Sequence[Row]) -> Iterator[Alarm]:
    start, later = _start(rows, "entropy")
    low = [row for row in later if row["entropy"] < COLLAPSE * start]
    if low:
        least = min(row["entropy"] for row in low)
        yield Alarm(_steps(low), f"entropy fell from {number(start)} to {number(least)}: the policy has settled")


def _length(rows: Sequence[Row]) -> Iterator[Alarm]:
    start, later = _start(rows, "response_tokens")
    long = [row for row in later if row["response_tokens"] > GROWTH * start]
    if start and long:
        most = max(row["response_tokens"] for row in long)
        yield Alarm(_steps(long), f"responses grew from {number(start)} to {number(most)} tokens")


def _hacking(rows: Sequence[Row]) -> Iterator[Alarm]:
    """The reward says better, validation says worse."""
    measured = [row for row in rows if "validation/accuracy" in row and "reward" in row]
    best: Row | None = None
    for row in measured:
        if best and row["reward"] >= best["reward"] and row["validation/accuracy"] < best["validation/accuracy"] - FALL:
            fall = f"from {percent(best['validation/accuracy'])} to {percent(row['validation/accuracy'])}"
            yield Alarm(_steps([row]), f"validation fell {fall} while the reward rose: look for a hack of the verifier")
        if best is None or row["validation/accuracy"] > best["validation/accuracy"]:
            best = row


def _drift(rows: Sequence[Row]) -> Iterator[Alarm]:
    start, later = _start(rows, "strict_gap")
    wide = [row for row in later if row["strict_gap"] > start + DRIFT]
    if wide:
        most = max(row["strict_gap"] for row in wide)
        about = f"the gap to the stricter verifier grew from {percent(start)} to {percent(most)}"
        yield Alarm(_steps(wide), f"{about}: look for a hack of the verifier")


def _start(rows: Sequence[Row], key: str) -> tuple[float, list[Row]]:
    known = [row for row in rows if key in row]
    first = known[:START]
    return (sum(row[key] for row in first) / len(first) if first else 0.0), known[START:]


def _steps(rows: Sequence[Row]) -> str:
    first, last = rows[0]["step"], rows[-1]["step"]
    return f"step {first:,.0f}" if first == last else f"steps {first:,.0f} to {last:,.0f}"
