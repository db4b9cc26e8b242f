"""What the engine is told of system calls is what the process backend's own filter says."""

from typing import Any

import pytest

from sandbox.docker.profile import seccomp_profile
from sandbox.process import seccomp


def entries(name: str, walls: bool) -> list[dict[str, Any]]:
    return [entry for entry in seccomp_profile(walls)["syscalls"] if name in entry["names"]]


def test_all_that_programs_may_call_passes() -> None:
    profile = seccomp_profile(walls=False)["syscalls"]
    passing = {name for entry in profile if entry["action"] == "SCMP_ACT_ALLOW" for name in entry["names"]}
    assert passing == set(seccomp.ALLOWED) | set(seccomp.BY_ARGUMENT)


def test_what_has_no_effect_succeeds() -> None:
    for name in seccomp.WITHOUT_EFFECT:
        assert [(entry["action"], entry["errnoRet"]) for entry in entries(name, True)] == [("SCMP_ACT_ERRNO", 0)]


@pytest.mark.parametrize("name", ["unshare", "mount", "pivot_root", "umount2", "mount_setattr"])
def test_walls_can_be_built_only_where_they_are_wanted(name: str) -> None:
    assert not entries(name, walls=False)
    assert [entry["action"] for entry in entries(name, walls=True)] == ["SCMP_ACT_ALLOW"]


def test_arguments_decide_as_in_our_own_filter() -> None:
    clones = [entry["args"] for entry in entries("clone", walls=False)]
    assert clones == [
        [{"index": 0, "value": 0x7E02_0480, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        [{"index": 0, "value": 0x7E03_0080, "valueTwo": 0x1_0000, "op": "SCMP_CMP_MASKED_EQ"}],
    ]
    assert "args" not in entries("clone", walls=True)[0]
    (socket,) = entries("socket", walls=True)
    assert socket["args"] == [{"index": 0, "value": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]
    of_setpriority = [
        [(each["index"], each["op"]) for each in entry["args"]] for entry in entries("setpriority", False)
    ]
    assert of_setpriority == [[(0, "SCMP_CMP_EQ"), (1, "SCMP_CMP_LT")], [(0, "SCMP_CMP_EQ"), (1, "SCMP_CMP_GT")]] * 2
    (size,) = entries("sendfile", True)
    assert size["args"] == [{"index": 3, "value": 16 << 20, "valueTwo": 0, "op": "SCMP_CMP_LT"}]
    advice = [(each["op"], each["value"]) for entry in entries("madvise", False) for each in entry["args"]]
    assert advice == [("SCMP_CMP_LT", 20), ("SCMP_CMP_GT", 25), *(("SCMP_CMP_EQ", value) for value in (22, 23, 24))]
