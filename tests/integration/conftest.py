"""What several tests of whole runs begin with."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`base/`, a model that knows nothing, and `tasks.jsonl`, whose rewards differ by chance: how many words."""
    from rlvr import tiny  # here, for it imports torch, which most tests beside these do without
    from rlvr.tasks import procedural
    from verifiers import Task

    folder = tmp_path_factory.mktemp("run")
    texts = [p.prompt for p, _ in zip(procedural.problems(0, "train"), range(60), strict=False)]
    tiny.build(folder / "base", texts, vocabulary=300, hidden=16, layers=1, seed=0)
    words = {"num_words": 2, "relation": "at least"}
    reference = {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [words]}
    tasks = [Task(id=f"t{i}", prompt=f"{i} words", verifier="instructions", reference=reference) for i in range(24)]
    (folder / "tasks.jsonl").write_text("\n".join(task.model_dump_json() for task in tasks))
    return folder
