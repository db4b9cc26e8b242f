"""A model and its tasks from nothing: the files are there, and no problem is in two of them."""

import json
from pathlib import Path

from rlvr.config import Scratch
from rlvr.stages import scratch
from rlvr.tasks.sources import load_tasks

SMALL = Scratch(demonstrations=300, tasks=60, validation=12, held_out=30, vocabulary=300, hidden=16, layers=1)


def test_everything_a_pipeline_needs(tmp_path: Path) -> None:
    scratch.build(SMALL, tmp_path, seed=0)
    splits = {
        name: load_tasks(str(tmp_path / "tasks" / f"{name}.jsonl")) for name in ("train", "validation", "held_out")
    }
    assert {name: len(tasks) for name, tasks in splits.items()} == {"train": 60, "validation": 12, "held_out": 30}
    for tasks in splits.values():
        families = [task.verifier for task in tasks]
        assert {families.count(name) for name in ("math", "code", "instructions")} == {len(tasks) // 3}
    prompts = [{str(task.prompt) for task in tasks} for tasks in splits.values()]
    assert len(set.union(*prompts)) == 102
    rows = [json.loads(line) for line in (tmp_path / "tasks" / "demonstrations.jsonl").read_text().splitlines()]
    assert len(rows) == 300
    held = set.union(*prompts[1:])
    assert not held & {str(row["messages"][:1]) for row in rows}
    assert (tmp_path / "base" / "model.safetensors").stat().st_size > 1000


def test_the_seed_decides_all_of_it(tmp_path: Path) -> None:
    def files(name: str, seed: int) -> dict[str, bytes]:
        scratch.build(SMALL, tmp_path / name, seed)
        return {
            str(p.relative_to(tmp_path / name)): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()
        }

    first, again, other = files("a", 0), files("b", 0), files("c", 1)
    assert first == again
    assert first.keys() == other.keys()
    assert {name for name in first if first[name] != other[name]} >= {
        "tasks/train.jsonl",
        "tasks/demonstrations.jsonl",
        "base/model.safetensors",
    }
