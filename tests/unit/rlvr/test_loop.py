"""The loop on a bandit: it learns, keeps its bound on staleness, and goes on after a crash as if nothing had been."""

import asyncio
import copy
import math
import random
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from rlvr.collect import Batch
from rlvr.config import RL, Grading, Sampling, Tasks
from rlvr.errors import RunStopped, WorkFailed
from rlvr.guards.breaker import Breaker
from rlvr.journal import Journal
from rlvr.loop import FLAT_IN_A_ROW, summary, train
from rlvr.samples import Group, Judged, Prompt, Request, Rollout, Sample
from verifiers import Item, Task, Verdict, verify

ARMS = 3
PROMPTS = [Prompt(Task(id=f"t{i}", prompt=f"{i}?", verifier="exact", reference=str(i % ARMS)), (i,)) for i in range(5)]
Fuse = Callable[[], None]


class Crash(Exception):
    """What a kill is in these tests."""


def safe() -> None:
    """A fuse that never burns."""


class Countdown:
    """Raises Crash when it is asked for the n-th time, and at every time after: the dead do no more."""

    def __init__(self, n: float) -> None:
        self.left = n
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        self.left -= 1
        if self.left < 0:
            raise Crash


class Policy:
    """A table of logits, one row a prompt: the engine's and the learner's model."""

    def __init__(self) -> None:
        self.logits = [[0.0] * ARMS for _ in PROMPTS]

    def probabilities(self, prompt: int) -> list[float]:
        powers = [math.exp(logit) for logit in self.logits[prompt]]
        return [power / sum(powers) for power in powers]


class Bandit:
    """An engine that yields between responses, so that what runs beside it gets its turn."""

    def __init__(self, fuse: Fuse = safe) -> None:
        self.policy, self.version, self.fuse = Policy(), -1, fuse
        self.asked: list[str] = []

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        for request in requests:
            self.fuse()
            self.asked.append(request.id)
            probabilities = self.policy.probabilities(request.prompt_ids[0])
            arm = random.Random(request.seed).choices(range(ARMS), probabilities)[0]
            [logprob] = struct.unpack("f", struct.pack("f", math.log(probabilities[arm])))
            yield Rollout(request.id, request.prompt_ids, (arm,), (1,), (logprob,), (self.version,), "stop", str(arm))
            await asyncio.sleep(0)

    async def load(self, weights: Policy, version: int) -> None:
        self.fuse()
        self.policy, self.version = weights, version
        self.fuse()


class Ascent:
    """A learner by REINFORCE with momentum; `disk` outlives it."""

    def __init__(self, disk: dict[int, Any], fuse: Fuse = safe) -> None:
        self.policy, self.speed, self.disk, self.fuse = Policy(), [[0.0] * ARMS for _ in PROMPTS], disk, fuse

    @property
    def state(self) -> Any:
        return self.policy.logits, self.speed

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        self.fuse()
        for sample in samples:
            [prompt], [chosen] = sample.rollout.prompt_ids, sample.rollout.response_ids
            for arm, probability in enumerate(self.policy.probabilities(prompt)):
                slope = sample.advantage * ((arm == chosen) - probability)
                self.speed[prompt][arm] = 0.5 * self.speed[prompt][arm] + slope
                self.policy.logits[prompt][arm] += 0.5 * self.speed[prompt][arm]
        self.fuse()
        return {"loss": 0.0}

    async def weights(self) -> Policy:
        return copy.deepcopy(self.policy)

    async def checkpoint(self, step: int) -> None:
        self.fuse()
        self.disk[step] = copy.deepcopy(self.state)
        self.fuse()

    async def restore(self) -> int:
        step = max(self.disk, default=0)
        if step:
            self.policy.logits, self.speed = copy.deepcopy(self.disk[step])
        return step


class Judge:
    """The real verifiers behind a grader that may die, or break on some items."""

    def __init__(self, fuse: Fuse = safe, broken: Callable[[Item], bool] = lambda _: False) -> None:
        self.fuse, self.broken = fuse, broken

    async def grade_many(self, items: Sequence[Item]) -> list[Verdict]:
        self.fuse()
        await asyncio.sleep(0)
        return [
            Verdict.error("broken") if self.broken(item) else verify(item.verifier, item.response, item.reference)
            for item in items
        ]


class Fused(Journal):
    """The journal of a process that may die before or after any of its transactions."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self.fuse = fuse

    def trained(self, step: int, samples: Sequence[Sample], dropped: Mapping[str, Iterable[str]] = {}) -> None:
        self.fuse()
        super().trained(step, samples, dropped)
        self.fuse()

    def judged(self, judged: Iterable[Judged]) -> None:
        self.fuse()
        super().judged(judged)

    def metrics(self, step: int, metrics: dict[str, float]) -> None:
        self.fuse()
        super().metrics(step, metrics)


class Run:
    """A run directory in which processes live one after another."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "journal.sqlite"
        ordinary: dict[str, Any] = {"steps": 4, "prompts_per_step": 2, "group_size": 3, "max_lag": 0, "seed": 3}
        self.config = RL(tasks=Tasks(train=""), **{**ordinary, "checkpoint_every": 2, "evaluate_every": 2, **settings})
        self.disk: dict[int, Any] = {}
        self.log: list[tuple[int, dict[str, float]]] = []
        self.validated: list[int] = []

    def live(
        self, fuse: Fuse = safe, broken: Callable[[Item], bool] = lambda _: False, prompts: Sequence[Prompt] = PROMPTS
    ) -> None:
        """Fresh partners, and a loop over them until its end or its death."""
        self.engine, self.learner = Bandit(fuse), Ascent(self.disk, fuse)

        async def validate(step: int) -> dict[str, float]:
            fuse()
            self.validated.append(step)
            return {"validation/accuracy": 0.5}

        def log(step: int, metrics: dict[str, float]) -> None:
            self.log.append((step, metrics))

        journal = Fused(self.path, fuse)
        window = self.config.prompts_per_step * self.config.group_size
        judge = Breaker(Judge(fuse, broken), self.config.grading, window, first_retry_s=0.001)
        try:
            asyncio.run(train(self.config, prompts, self.engine, judge, self.learner, journal, validate, log))
        finally:
            journal.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as db:
            return list(db.execute(query))


ALL = """SELECT id, task, seed, state, response_ids, logprobs, versions, reward, advantage, step, place, dropped
FROM rollouts ORDER BY id"""


@pytest.mark.parametrize("max_lag", [0, 1, 3])
def test_the_reward_rises_and_the_lag_stays_within_its_bound(tmp_path: Path, max_lag: int) -> None:
    run = Run(tmp_path, steps=25, prompts_per_step=5, group_size=6, max_lag=max_lag, refill=0)
    run.live()
    rewards = [metrics["reward"] for _, metrics in run.log if "reward" in metrics]
    assert fmean(rewards[:2]) < 0.6
    assert fmean(rewards[-3:]) > 0.9
    steps = run.rows("SELECT step, versions FROM rollouts WHERE state = 'trained'")
    lags = {step - 1 - struct.unpack("i", version)[0] for step, version in steps}
    assert max(lags) <= max_lag
    assert len(lags) > 1 or max_lag == 0


def test_it_validates_checkpoints_and_logs_when_told(tmp_path: Path) -> None:
    run = Run(tmp_path, steps=5)
    run.live()
    assert run.validated == [0, 2, 4, 5]
    assert sorted(run.disk) == [2, 4, 5]
    assert [step for step, _ in run.log] == [0, 1, 2, 3, 4, 5]


def killed_at(run: Run, n: int) -> bool:
    """Whether a run that dies at its n-th chance does die; it is then resumed."""
    try:
        run.live(Countdown(n))
    except Crash:
        run.live()
        return True
    return False


def test_a_run_killed_anywhere_ends_as_one_that_was_not(tmp_path: Path) -> None:
    small = {"steps": 3, "group_size": 2}
    whole = Run(tmp_path / "whole", **small)
    fuse = Countdown(math.inf)
    whole.live(fuse)
    expected, state = whole.rows(ALL), whole.learner.state
    assert {row[3] for row in expected} == {"trained", "dropped"}
    assert fuse.asked > 40
    for n in range(fuse.asked):
        run = Run(tmp_path / str(n), **small)
        assert killed_at(run, n)
        assert run.learner.state == state, f"killed at {n}"
        assert run.rows(ALL) == expected, f"killed at {n}"
        assert set(run.validated) == {0, 2, 3}, f"killed at {n}"


@pytest.mark.parametrize("n", range(0, 60, 5))
def test_at_a_lag_nothing_is_lost_or_trained_twice(tmp_path: Path, n: int) -> None:
    run = Run(tmp_path, max_lag=2, steps=5)
    assert killed_at(run, n)
    assert [step for (step,) in run.rows("SELECT step FROM steps WHERE step > 0 ORDER BY step")] == [1, 2, 3, 4, 5]
    assert run.rows("SELECT count(*) FROM rollouts WHERE state IN ('issued', 'generated')") == [(0,)]
    steps = run.rows("SELECT step, versions FROM rollouts WHERE state = 'trained'")
    assert max(step - 1 - struct.unpack("i", version)[0] for step, version in steps) <= 2
    journal = Journal(run.path)
    replayed = Ascent({})
    for step in range(1, 6):
        asyncio.run(replayed.step(journal.batch_of(step)))
    journal.close()
    assert replayed.state == run.learner.state


def test_what_was_sampled_is_not_sampled_again(tmp_path: Path) -> None:
    run = Run(tmp_path, steps=1, refill=0)
    with pytest.raises(Crash):
        run.live(Countdown(5))
    had = {id for (id,) in run.rows("SELECT id FROM rollouts WHERE response_ids IS NOT NULL")}
    run.live()
    assert had
    assert had.isdisjoint(run.engine.asked)
    assert len(had) + len(run.engine.asked) == 6


def test_a_checkpoint_ahead_of_its_journal_is_refused(tmp_path: Path) -> None:
    """Else batches that were trained on, and are not known any more to have been, would be trained on again."""
    run = Run(tmp_path, steps=4)
    run.live()
    with closing(sqlite3.connect(run.path, isolation_level=None)) as db:
        db.execute("DELETE FROM steps WHERE step > 2")
    with pytest.raises(WorkFailed, match="checkpoint is of step 4, and the journal ends at step 2"):
        run.live()
    run.path.unlink()
    with pytest.raises(WorkFailed, match="checkpoint is of step 4, and the journal ends at step 0"):
        run.live()


def test_a_finished_run_stays_finished(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.live()
    before = run.rows(ALL)
    run.live()
    assert run.rows(ALL) == before
    assert run.engine.asked == []


def test_an_error_is_masked_and_within_its_share_the_run_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path, group_size=6, grading=Grading(max_error_share=0.5))
    run.live(broken=lambda item: item.id.endswith("000"))
    assert run.rows("SELECT count(*) FROM rollouts WHERE status = 'error' AND state = 'trained'") == [(0,)]
    sums = run.rows("SELECT sum(advantage) FROM rollouts WHERE state = 'trained' GROUP BY substr(id, 1, 13)")
    assert sums
    assert all(abs(total) < 1e-9 for (total,) in sums)
    assert 0.1 < run.log[1][1]["errors"] < 0.3


def test_too_many_errors_stop_the_run_when_the_verifiers_do_not_recover(tmp_path: Path) -> None:
    run = Run(tmp_path, grading=Grading(max_error_share=0.2, patience_s=0), refill=0)
    with pytest.raises(RunStopped, match=r"2 of the last \d verdicts .* last: .*broken; mend the verifier"):
        run.live(broken=lambda item: item.id.endswith("000"))
    assert run.rows("SELECT count(*) FROM steps WHERE step > 0") == [(0,)]
    run.live()
    assert run.rows("SELECT count(*) FROM steps WHERE step > 0") == [(4,)]
    assert run.rows("SELECT count(*) FROM rollouts WHERE status = 'error' AND reward IS NOT NULL") == [(0,)]


def test_verifiers_that_fail_for_a_while_change_nothing(tmp_path: Path) -> None:
    """A third of the judgements fails until the run has paused three times; no error becomes a reward."""
    settings: dict[str, Any] = {"steps": 6, "group_size": 4, "grading": Grading(max_error_share=0, patience_s=60)}
    whole, troubled = Run(tmp_path / "whole", **settings), Run(tmp_path / "troubled", **settings)
    whole.live()
    asked: list[str] = []

    def fails(item: Item) -> bool:
        asked.append(item.id)
        return len(asked) < 40 and len(asked) % 3 == 0

    troubled.live(broken=fails)
    assert len(asked) > 6 * 2 * 4
    assert troubled.rows(ALL) == whole.rows(ALL)
    assert troubled.learner.state == whole.learner.state
    assert troubled.rows("SELECT count(*) FROM rollouts WHERE status = 'error'") == [(0,)]


def test_a_step_says_what_a_person_looks_for(tmp_path: Path, rollout: Callable[..., Rollout]) -> None:
    def group(id: str, task: Task, *answers: tuple[str, float | None]) -> Group:
        rollouts = [rollout(f"{id}/{i:03}", (5,) * (i + 1), text=text) for i, (text, _) in enumerate(answers)]
        verdicts = [Verdict.error("down") if s is None else Verdict.of_score(s) for _, s in answers]
        return Group(id, task, tuple(Judged(r, v, v.score) for r, v in zip(rollouts, verdicts, strict=True)))

    groups = [
        group("000000/0/0000", PROMPTS[0].task, ("yes", 0.0), ("no", 0.5), ("maybe", 1.0)),
        group("000000/0/0001", PROMPTS[1].task, ("yes", 0.0), ("other", 0.5), ("same", None)),
    ]
    found = summary(Batch(groups, stale=groups[:1]), step=1)
    assert found["repeated"] == pytest.approx(2 / 6)
    assert found["reward_by_length"] > 0.99
    assert found["stale"] == pytest.approx(1 / 3)
    assert found["errors"] == pytest.approx(1 / 6)
    assert found["reward"] == pytest.approx(0.4)


def test_a_control_with_constant_rewards_runs_to_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path, steps=30, control="constant", refill=0)
    run.live()
    assert run.rows("SELECT count(*), sum(samples) FROM steps WHERE step > 0") == [(30, 0)]


def test_a_run_whose_rewards_all_agree_is_stopped(tmp_path: Path) -> None:
    hopeless = [Prompt(p.task.model_copy(update={"reference": "unheard of"}), p.ids) for p in PROMPTS]
    run = Run(tmp_path, steps=30, refill=0)
    with pytest.raises(RunStopped, match=f"no group of the last {FLAT_IN_A_ROW} steps"):
        run.live(prompts=hopeless)
    assert run.rows("SELECT count(*) FROM steps WHERE step > 0") == [(FLAT_IN_A_ROW,)]
    assert run.rows("SELECT DISTINCT dropped FROM rollouts WHERE state != 'issued'") == [("no_signal",)]


def test_with_a_critic_too_a_run_whose_rewards_all_agree_is_stopped(tmp_path: Path) -> None:
    """A critic trains on every rewarded batch, so that it is the rewards that tell, not the size of the batch."""
    critic: dict[str, Any] = {"preset": "ppo", "group_size": 1, "prompts_per_step": 5, "steps": 30}
    hopeless = [Prompt(p.task.model_copy(update={"reference": "unheard of"}), p.ids) for p in PROMPTS]
    flat = Run(tmp_path / "flat", **critic)
    with pytest.raises(RunStopped, match=f"no batch of the last {FLAT_IN_A_ROW} steps .* prompts_per_step"):
        flat.live(prompts=hopeless)
    assert flat.rows("SELECT count(*), min(samples) FROM steps WHERE step > 0") == [(FLAT_IN_A_ROW, 5)]
    mixed = Run(tmp_path / "mixed", **critic)
    mixed.live(prompts=PROMPTS)
    assert mixed.rows("SELECT count(*) FROM steps WHERE step > 0") == [(30,)]
