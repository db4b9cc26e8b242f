"""What a container's memory group tells: growth without the cache of files on disk, and kills for want of memory."""

from pathlib import Path

import pytest

from sandbox.process.cgroup import ContainerMemory

KINDS = {
    "v1": ("memory.usage_in_bytes", "cache", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n"),
    "v2": ("memory.current", "file", "memory.events", "low 0\nhigh 0\nmax 7\noom 3\n"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_growth_and_kills(tmp_path: Path, kind: str) -> None:
    usage, cache, events, others = KINDS[kind]

    def become(used: int, cached: int, shared: int, kills: int) -> None:
        (tmp_path / usage).write_text(f"{used}\n")
        (tmp_path / "memory.stat").write_text(f"{cache} {cached}\nshmem {shared}\n{cache}_dirty 5\ntotal_shmem 9\n")
        (tmp_path / events).write_text(f"{others}oom_kill {kills}\n")

    become(1000, 300, 100, 4)
    memory = ContainerMemory(tmp_path)
    assert (memory.grown_by(), memory.happened()) == (0, False)
    become(1500, 600, 100, 4)  # 300 of these 500 can be had back
    assert (memory.grown_by(), memory.happened()) == (200, False)
    become(1500, 600, 400, 5)  # shared memory cannot
    assert (memory.grown_by(), memory.happened()) == (500, True)
    memory.forget()
    assert (memory.grown_by(), memory.happened()) == (0, False)
    memory.close()


def test_no_group_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ContainerMemory(tmp_path)
