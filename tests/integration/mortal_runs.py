"""RL runs that are killed -9 at named points and go on, by the real partners in one process: for `test_resume.py`.

    python mortal_runs.py FOLDER MAX_LAG

FOLDER holds `base/` and `tasks.jsonl`. Leaves the run directories `whole-LAG` and `killed-LAG`, and prints what was
killed where, with every finished response that was in the journal at a death. Each life is a fork of this process.
"""

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
import transformers.models.llama.modeling_llama  # noqa: F401  (so that the lives need not import it)

from rlvr.chat import encode_prompts
from rlvr.config import RL
from rlvr.engines.transformers import TransformersEngine
from rlvr.journal import Journal
from rlvr.learner import checkpoint
from rlvr.learner.step import Learner
from rlvr.loop import train
from rlvr.samples import Sample
from rlvr.settings import load
from rlvr.tasks.sources import load_tasks
from verifiers import Grader

STEPS, KILLS = 40, 10
OFTEN = {"before the journal": 4, "after the journal": 4, "mid step": 15, "mid checkpoint": 2, "after the rename": 2}
"""Points of death, and how often at most one is passed before it kills. `mid step` counts forward passes."""
Fuse = Callable[[str], None]


def settings(folder: Path, name: str, max_lag: int) -> RL:
    data: dict[str, Any] = {
        "model": str(folder / "base"),
        "out": folder / f"{name}-{max_lag}",
        "tasks": {"train": str(folder / "tasks.jsonl")},
        "steps": STEPS,
        "prompts_per_step": 6,
        "group_size": 4,
        "max_lag": max_lag,
        "refill": 0,
        "minibatches": 2,
        "micro_batch_tokens": 60,
        "checkpoint_every": 3,
        "sampling": {"max_tokens": 6},
        "optim": {"lr": 1e-3, "warmup_steps": 5, "schedule": "cosine"},
        "compute": {"threads": 1},
    }
    return load.validate(RL, data, [])


class Mortal(Journal):
    """Dies before or after it commits to a step's batch."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self.fuse = fuse

    def trained(self, step: int, samples: Sequence[Sample], dropped: Mapping[str, Iterable[str]] = {}) -> None:
        self.fuse("before the journal")
        super().trained(step, samples, dropped)
        self.fuse("after the journal")


class Here:
    """The learner protocol, in this process, with its checkpoints."""

    def __init__(self, config: RL, fuse: Fuse) -> None:
        self.learner, self.folder = Learner(config), config.out / "checkpoints"
        self.learner.model.base_model.register_forward_hook(lambda *_: fuse("mid step"))

    async def step(self, samples: Sequence[Sample]) -> dict[str, float]:
        return self.learner.step(samples)

    async def weights(self) -> Any:
        return self.learner.weights()

    async def checkpoint(self, step: int) -> None:
        checkpoint.write(self.learner, self.folder, step)

    async def restore(self) -> int:
        return checkpoint.restore(self.learner, self.folder)


def live(config: RL, fuse: Fuse) -> None:
    """From wherever the run directory stands to the end of the run, or of this process."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not isinstance(arguments[0], int):
            path = Path(os.fsdecode(arguments[0]))
            if path.parts[-2:] == (".writing", "state.json"):
                fuse("mid checkpoint")
            elif path == config.out / "checkpoints":  # it is synchronised once it has its new entry
                fuse("after the rename")

    async def validate(step: int) -> dict[str, float]:
        return {}

    sys.addaudithook(watch)
    engine, learner = TransformersEngine(config.model), Here(config, fuse)
    prompts, _ = encode_prompts(engine.tokenizer, load_tasks(config.tasks.train), config.max_prompt_tokens)
    journal = Mortal(config.out / "journal.sqlite", fuse)
    with Grader(workers=1) as grader:
        asyncio.run(train(config, prompts, engine, grader, learner, journal, validate, lambda *_: None))
    journal.close()


def life(config: RL, point: str, times: int) -> int:
    """One life in a fork, which ends when it has come to that point so often. Returns its exit code."""
    left = times

    def fuse(where: str) -> None:
        nonlocal left
        left -= where == point
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        live(config, fuse)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def responses(out: Path) -> dict[str, str]:
    with closing(sqlite3.connect(out / "journal.sqlite", timeout=30)) as db:
        return dict(db.execute("SELECT id, hex(response_ids) FROM rollouts WHERE response_ids IS NOT NULL"))


def main() -> None:
    folder, max_lag = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    whole, killed = (settings(folder, name, max_lag) for name in ("whole", "killed"))
    for config in (whole, killed):
        config.out.mkdir()
        (config.out / "config.toml").write_text(load.dump(config))
    if life(whole, "never", 1):
        sys.exit("the run failed without being killed")
    rng = random.Random(max_lag)
    points = [*OFTEN] * (KILLS // len(OFTEN))
    rng.shuffle(points)
    deaths, seen = [], dict[str, str]()
    for point in points:
        times = rng.randint(1, OFTEN[point])
        code = life(killed, point, times)
        deaths.append({"point": point, "times": times, "code": code})
        seen |= responses(killed.out)
    code = life(killed, "never", 1)
    print(json.dumps({"deaths": deaths, "code": code, "seen": seen}))


if __name__ == "__main__":
    main()
