"""Agreement with the published grades of IFEval and IFBench, instruction by instruction, on every row."""

import json
import os
from pathlib import Path

import pytest

from verifiers.instructions import InstructionsVerifier

DATA = os.environ.get("RLVR_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="RLVR_TEST_DATA names no folder with published grades")
verifier = InstructionsVerifier()

# (set, mode, row's key, instruction's place): why the published grade is not ours.
KNOWN = {
    ("ifeval", "loose", 1122, 1): "the published run drew a random letter in place of '#'",
}


def rows(name):
    with next((Path(str(DATA))).glob(name)).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("mode", ["strict", "loose"])
@pytest.mark.parametrize(("folder", "tasks"), [("ifeval", "input_data_*.jsonl"), ("ifbench", "IFBench_test_*.jsonl")])
def test_published_grades(folder, tasks, mode):
    found = {}
    published = rows(f"{folder}/eval_results_{mode}_*.jsonl")
    for task, grade in zip(rows(f"{folder}/{tasks}"), published, strict=True):
        assert task["prompt"].strip() == grade["prompt"].strip()
        reference = {key: task[key] for key in ("instruction_id_list", "kwargs", "prompt")}
        verdict = verifier.verify(grade["response"], reference, {"mode": mode})
        followed = [each["followed"] for each in verdict.details["instructions"]]
        assert len(followed) == len(grade["follow_instruction_list"])
        for place, (ours, theirs) in enumerate(zip(followed, grade["follow_instruction_list"], strict=True)):
            if ours != theirs:
                found[folder, mode, task["key"], place] = (task["instruction_id_list"][place], ours)
        if not any(key[2] == task["key"] for key in found):
            assert (verdict.score == 1) == grade["follow_all_instructions"]
    assert set(found) == {key for key in KNOWN if key[:2] == (folder, mode)}, found
