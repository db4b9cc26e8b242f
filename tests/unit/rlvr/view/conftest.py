"""A run directory as `rlvr demo` leaves it: made up, seeded, with a real journal."""

import json
import random
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from rlvr.journal import Journal
from rlvr.samples import Judged, Prompt, Request, Rollout, Sample
from rlvr.tasks.procedural import Problem, problems
from verifiers import Verdict

FAMILIES = ("math", "code", "instructions")
ACCURACY = {
    "base": (0.0, 0.0, 0.005),
    "sft": (0.415, 0.37, 0.42),
    "dpo": (0.735, 0.605, 0.81),
    "rl": (0.975, 0.945, 0.98),
}
INTERVAL = [0.9471, 0.9789]
"""As for 96.7% of the 500 tasks that could be judged."""
STEPS = 60


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("view") / "demo")


@pytest.fixture
def demo(written: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    return shutil.copytree(written, tmp_path / "demo")


@pytest.fixture
def control(demo: Path) -> Path:
    (demo / "summary.json").write_text(json.dumps(summary("random")))
    return demo


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[list[str]], Path]:
    """A run of one stage whose journal holds one wrong math rollout for each response."""

    def write(responses: list[str]) -> Path:
        run = tmp_path / "one"
        run.mkdir()
        book = Journal(run / "journal.sqlite")
        for place, (problem, text) in enumerate(zip(islice(problems(0, "train", "math"), 99), responses, strict=False)):
            verdict = Verdict.incorrect(text, extracted=text, verifier="math", version="1")
            _record(book, 1 + place, [(problem, text, verdict)])
        book.close()
        return run

    return write


def write_demo(run: Path, control: str = "none") -> Path:
    rng = random.Random(0)
    for stage in ("sft", "dpo", "rl", "evaluate"):
        (run / stage).mkdir(parents=True)
        (run / stage / "config.toml").write_text(
            f'stage = "{stage.replace("evaluate", "eval")}"\nmodel = "base"\nseed = 0\n'
        )
    (run / "config.toml").write_text('stage = "pipeline"\nout = "runs/demo"\n\n[scratch]\nslip = 0.6\n')
    (run / "summary.json").write_text(json.dumps(summary(control)))
    about = {"families": {}, "errors": 100, "tasks": 600, "prompts_too_long": 0}
    judged = {stage: {"accuracy": 0.5, "interval": INTERVAL, **about} for stage in ACCURACY}
    (run / "evaluate" / "summary.json").write_text(json.dumps({"models": judged}))
    rows(run / "evaluate", [{"step": 1, "base/accuracy": 0.5}])
    rows(run / "sft", [_sft(step, rng) for step in range(1, 501, 5)])
    rows(run / "dpo", [_dpo(step, rng) for step in range(1, 13)])
    rows(run / "rl", [{"step": 0, **_validation(0, rng)}, *(_rl(step, rng) for step in range(1, STEPS + 1))])
    _journal(run / "rl" / "journal.sqlite", rng)
    (run / "summary.json").touch()  # written last
    return run


def summary(control: str = "none") -> dict[str, object]:
    stages = {
        stage: {"accuracy": sum(shares) / 3, "families": dict(zip(FAMILIES, shares, strict=True))}
        for stage, shares in ACCURACY.items()
    }
    if control != "none":
        stages["rl"] = {"accuracy": 0.721, "families": {"math": 0.74, "code": 0.613, "instructions": 0.81}}
    spent = {"tasks": 6.4, "sft": 96.2, "dpo": 31.8, "rl": 88.1, "eval": 14.9}
    return {"stages": stages, "seconds": 252.3, "seed": 0, "control": control, "stage_seconds": spent}


def rows(folder: Path, metrics: list[dict[str, float]]) -> None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))


def _sft(step: int, rng: random.Random) -> dict[str, float]:
    left = 0.55 ** (step / 40)
    return {
        "step": step,
        "seconds": step * 0.19,
        "loss": 0.42 + 4.9 * left + rng.gauss(0, 0.03),
        "token_accuracy": 0.86 - 0.8 * left + rng.gauss(0, 0.008),
        "lr": 3e-3 * (1 - step / 500),
        "grad_norm": 0.4 + 2 * left,
    }


def _dpo(step: int, rng: random.Random) -> dict[str, float]:
    return {"step": step, "seconds": step * 0.8, "loss": 0.69 * 0.93**step, "pair_accuracy": 0.7, "lr": 3e-4}


def _share(step: int, start: float, end: float) -> float:
    return end - (end - start) * 0.93**step


def _validation(step: int, rng: random.Random) -> dict[str, float]:
    shares = {
        name: round(min(1.0, _share(step, ACCURACY["dpo"][i], 0.985) + rng.gauss(0, 0.012)) * 50) / 50
        for i, name in enumerate(FAMILIES)
    }
    return {"validation/accuracy": sum(shares.values()) / 3, **{f"validation/{n}": v for n, v in shares.items()}}


def _rl(step: int, rng: random.Random) -> dict[str, float]:
    rewards = {
        f"reward/{name}": min(1.0, max(0.0, _share(step, 0.45 + 0.08 * i, 0.94 + 0.015 * i) + rng.gauss(0, 0.035)))
        for i, name in enumerate(FAMILIES)
    }
    return {
        "step": step,
        "seconds": step * 1.42,
        "reward": sum(rewards.values()) / 3,
        **rewards,
        "informative": max(0.05, 0.8 * 0.975**step + rng.gauss(0, 0.04)),
        "errors": 0.004 if step in (17, 44) else 0.0,
        "undecided": 0.0,
        "truncated": max(0.0, 0.02 * 0.9**step),
        "response_tokens": 22 + rng.gauss(0, 0.5) - 2 * 0.9**step,
        "sampled_tokens": 256 * 22.0,
        "lag": min(step - 1, 2),
        "loss": rng.gauss(0, 0.01),
        "entropy": 0.05 + 0.3 * 0.95**step + rng.gauss(0, 0.006),
        "sampler_kl": abs(rng.gauss(0.002, 0.0009)),
        "grad_norm": 0.3 + abs(rng.gauss(0, 0.12)),
        "lr": 1.5e-4,
        "clip_share": abs(rng.gauss(0.004, 0.002)),
        "tokens_per_s": 5600 + rng.gauss(0, 260),
        **(_validation(step, rng) if step % 10 == 0 else {}),
    }


def _journal(path: Path, rng: random.Random) -> None:
    """Groups of four per family and step; those whose answers agree are dropped."""
    book = Journal(path)
    streams = {f: (p for p in problems(0, "train", f) if p.right != p.slipped) for f in FAMILIES}
    for step in range(1, STEPS + 1):
        samples: list[Sample] = []
        silent: list[str] = []
        for family in FAMILIES:
            problem = next(streams[family])
            right = [rng.random() < _share(step, 0.45, 0.95) for _ in range(4)]
            answers = [_answer(problem, good, step, place) for place, good in enumerate(right)]
            found = _record(book, step, answers)
            samples += found
            silent += [] if found else _ids(step, answers)
        book.trained(step, samples, {"no_signal": silent})
    book.issued(STEPS, [_prompt(problem)] * 2, [Request(f"{STEPS:06}/0/0009/{i:03}", (1,), i) for i in range(2)])
    book.close()


def _answer(problem: Problem, good: bool, step: int, place: int) -> tuple[Problem, str, Verdict]:
    """Step 17 has an error of the sandbox."""
    name = {"verifier": problem.family, "version": "1.0.0", "elapsed_ms": 1.3}
    right, slipped = (text.removesuffix("\n```").splitlines()[-1].strip() for text in (problem.right, problem.slipped))
    if problem.family == "code" and (step, place) == (17, 3):
        return problem, problem.right, Verdict.error("sandbox: no cgroup for the run", **name)
    if good:
        return problem, problem.right, Verdict.correct(extracted=right, **name)
    return problem, problem.slipped, Verdict.incorrect("different", extracted=slipped, **name)


def _prompt(problem: Problem) -> Prompt:
    return Prompt(problem.task(), (1, 2, 3))


def _ids(step: int, answers: list[tuple[Problem, str, Verdict]]) -> list[str]:
    name = f"{step - 1:06}/0/{FAMILIES.index(answers[0][0].family):04}"
    return [f"{name}/{place:03}" for place in range(len(answers))]


def _record(book: Journal, step: int, answers: list[tuple[Problem, str, Verdict]]) -> list[Sample]:
    """One group, judged; as samples, unless its rewards agree."""
    ids = _ids(step, answers)
    book.issued(step - 1, [_prompt(p) for p, _, _ in answers], [Request(id, (1, 2, 3), 7) for id in ids])
    rollouts = [
        Rollout(id, (1, 2, 3), (5, 6), (1, 1), (-0.1, -0.2), (step - 1, step - 1), "stop", text)
        for id, (_, text, _) in zip(ids, answers, strict=True)
    ]
    book.generated(rollouts)
    judged = [Judged(r, verdict, verdict.score) for r, (_, _, verdict) in zip(rollouts, answers, strict=True)]
    book.judged(judged)
    known = [(j.rollout, j.reward) for j in judged if j.reward is not None]
    mean = sum(reward for _, reward in known) / len(known)
    return [Sample(rollout, reward - mean) for rollout, reward in known if any(r != mean for _, r in known)]
