"""Control groups in plain files: what is told to a unified group (v2), and what a container's memory group tells."""

import errno
import os
from pathlib import Path

import pytest

from sandbox.process.cgroup import ContainerMemory, Group, Place

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


def test_a_unified_group_is_told_its_limits(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    (folder / "cgroup.procs").touch()
    (folder / "memory.events").write_text("oom 0\noom_kill 0\n")
    group = Group([Place(tmp_path, ("memory", "pids", "cpu"), unified=True)], "group")
    group.limit(100 << 20, 7)
    group.add(4321)
    told = {file.name: file.read_text() for file in folder.iterdir()}
    assert told | {"memory.max": "104857600", "pids.max": "7", "cpu.max": "20000 20000", "cgroup.procs": "4321"} == told
    assert (told["memory.swap.max"], told["memory.oom.group"], group.doors) == ("0", "1", [])
    group.hurry()
    assert (folder / "cpu.max").read_text() == "max 20000"
    group.make_room()
    assert (folder / "cpu.max").read_text() == "20000 20000"
    assert group.oom_kills is not None
    (folder / "memory.events").write_text("oom 1\noom_kill 1\n")
    assert group.oom_kills.happened()
    for file in folder.iterdir():
        file.unlink()
    group.remove()
    assert not folder.exists()


def test_groups_of_single_controllers(tmp_path: Path) -> None:
    places = [Place(tmp_path / name, (name,), unified=False) for name in ("memory", "cpu")]
    for place in places:
        folder = place.folder / "group"
        folder.mkdir(parents=True)
        for file in ("cgroup.procs", "tasks"):
            (folder / file).touch()
        (folder / "memory.oom_control").write_text("oom_kill 0\n")
    group = Group(places, "group")
    for door in group.doors:
        os.write(door, b"0")
    quota = tmp_path / "cpu" / "group" / "cpu.cfs_quota_us"
    assert [(place.folder / "group" / "tasks").read_text() for place in places] == ["0", "0"]
    assert quota.read_text() == "20000"
    group.hurry()
    assert quota.read_text() == "-1"
    group.make_room()
    assert quota.read_text() == "20000"


def test_a_limit_below_what_the_last_run_left_behind_makes_room_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the kernel's memory of names that it looked for: the old kind of group refuses the limit until then."""
    folder = tmp_path / "group"
    folder.mkdir()
    for name in ("cgroup.procs", "tasks", "memory.oom_control"):
        (folder / name).write_text("oom_kill 0\n")
    group = Group([Place(tmp_path, ("memory",), unified=False)], "group")
    told: list[tuple[str, str]] = []

    def busy(controller: str, file: str, value: str) -> None:
        told.append((file, value))
        if len(told) == 1:
            raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(group, "_set", busy)
    group.limit(16 << 20, 7)
    limit = ("memory.limit_in_bytes", str(16 << 20))
    assert told == [limit, ("memory.force_empty", "0"), limit]
