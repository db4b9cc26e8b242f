"""Control groups, v1 and v2: memory, processes and CPU of one run, where the machine lets us make groups.

Each host has two groups for runs and uses them in turn: one holds the run, the other the spare clone that waits for the
next. A third one is the fork server's home, which it leaves to have a clone born into one of the others.
"""

import contextlib
import errno
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

PREFIX = "rlvr-"
_RUNS = ("a", "b")
NAMES = (*_RUNS, "home")
TURNS = len(_RUNS)
"""How many groups runs have."""
_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")
_WANTED = ("memory", "pids", "cpu")
_PERIOD_US = 20_000
"""Short, so that a group out of its share never waits long to be killed."""
_REMOVE_S = 2.0
_ROOM_BYTES = 64 << 20
_ROOM_PROCESSES = 8


class Place(NamedTuple):
    """A folder in which groups can be made, and what they can then control."""

    folder: Path
    controllers: tuple[str, ...]
    unified: bool


class OomKills:
    """Tells when the kernel kills a process of a memory group for want of memory."""

    def __init__(self, folder: Path) -> None:
        """folder: the group's. Raises OSError when there is no such group."""
        name = "memory.events" if (folder / "memory.events").exists() else "memory.oom_control"
        self._file = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
        self.forget()

    def forget(self) -> None:
        """What happened so far does not count."""
        self._known = self._count()

    def happened(self) -> bool:
        return self._count() > self._known

    def _count(self) -> int:
        found = re.search(rb"oom_kill (\d+)", os.pread(self._file, 4096, 0))
        return int(found[1]) if found else 0

    def close(self) -> None:
        os.close(self._file)


class ContainerMemory(OomKills):
    """The memory group of the container that we are in, which its engine has made and limits."""

    def __init__(self, folder: Path) -> None:
        unified = (folder / "memory.current").exists()
        used, cache = ("memory.current", b"file") if unified else ("memory.usage_in_bytes", b"cache")
        self._used = os.open(folder / used, os.O_RDONLY | os.O_CLOEXEC)
        self._stat = os.open(folder / "memory.stat", os.O_RDONLY | os.O_CLOEXEC)
        self._counted = re.compile(rb"^(%b|shmem) (\d+)" % cache, re.MULTILINE)
        super().__init__(folder)

    def forget(self) -> None:
        super().forget()
        self._before = self._held()

    def grown_by(self) -> int:
        """Bytes by which all in the container has grown since `forget`. One look, however many they are."""
        return self._held() - self._before

    def _held(self) -> int:
        """What cannot be had back: all but the cache of files on disk, among which the kernel counts shared memory."""
        found = {name: int(value) for name, value in self._counted.findall(os.pread(self._stat, 8192, 0))}
        shared = found.pop(b"shmem")
        return int(os.pread(self._used, 64, 0)) - sum(found.values()) + shared

    def close(self) -> None:
        super().close()
        os.close(self._used)
        os.close(self._stat)


class Group:
    """One run's group: a folder for v2, one for each controller for v1."""

    def __init__(self, places: list[Place], name: str) -> None:
        self._folders = {controller: place.folder / name for place in places for controller in place.controllers}
        self._unified = {controller: place.unified for place in places for controller in place.controllers}
        self._limits: tuple[int, int] = (0, 0)
        for folder in set(self._folders.values()):
            folder.mkdir(exist_ok=True)
        self._procs = [os.open(folder / "cgroup.procs", os.O_WRONLY) for folder in set(self._folders.values())]
        self.doors = self._open_doors()
        """A process of one thread that writes a 0 into each of these is in the group. None for a unified one."""
        self._write_fixed_limits()
        self.oom_kills = OomKills(self._folders["memory"]) if "memory" in self._folders else None

    def _open_doors(self) -> list[int]:
        """Who moves itself through them takes 3 us each; any other move waits until nobody on the machine forks."""
        if any(self._unified.values()):
            return []
        return [os.open(folder / "tasks", os.O_WRONLY) for folder in set(self._folders.values())]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(f"cgroup-{controller}" for controller in sorted(self._folders))

    def _set(self, controller: str, file: str, value: str) -> None:
        (self._folders[controller] / file).write_text(value)

    def _write_fixed_limits(self) -> None:
        if "cpu" in self._folders and not self._unified["cpu"]:
            self._set("cpu", "cpu.cfs_period_us", str(_PERIOD_US))
        self._limit_cpu()
        if "memory" in self._folders:
            # No swap: a run must not get more by paging. Kernels without swap accounting lack these files.
            with contextlib.suppress(OSError):
                if self._unified["memory"]:
                    self._set("memory", "memory.swap.max", "0")
                else:
                    self._set("memory", "memory.swappiness", "0")
            if self._unified["memory"]:
                self._set("memory", "memory.oom.group", "1")

    def _limit_cpu(self) -> None:
        self._hurried = False
        self._set_cpu(str(_PERIOD_US), str(_PERIOD_US))

    def hurry(self) -> None:
        """Let what is killed here end at once.

        Who has used up its share of the CPU, in the kernel's own work for it even seconds ahead, cannot die until it
        has a share again.
        """
        self._hurried = True
        self._set_cpu("max", "-1")

    def _set_cpu(self, unified: str, quota: str) -> None:
        if "cpu" not in self._folders:
            return
        if self._unified["cpu"]:
            self._set("cpu", "cpu.max", f"{unified} {_PERIOD_US}")
        else:
            self._set("cpu", "cpu.cfs_quota_us", quota)

    def limit(self, memory: int, processes: int) -> None:
        """Set the limits of the next run: bytes over all its processes, processes and threads at once."""
        self._limit(memory, processes)
        if self.oom_kills is not None:
            self.oom_kills.forget()

    def _limit(self, memory: int, processes: int) -> None:
        if (memory, processes) != self._limits:
            if "memory" in self._folders:
                self._limit_memory(memory)
            if "pids" in self._folders:
                self._set("pids", "pids.max", str(processes))
            self._limits = (memory, processes)

    def _limit_memory(self, memory: int) -> None:
        if self._unified["memory"]:
            self._set("memory", "memory.max", str(memory))
            return
        try:
            self._set("memory", "memory.limit_in_bytes", str(memory))
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # The last run has left more behind, such as the names of files that it looked for.
            self._set("memory", "memory.force_empty", "0")
            self._set("memory", "memory.limit_in_bytes", str(memory))

    def make_room(self) -> None:
        """Let a clone be made ready here, however little the last run was allowed."""
        if self._hurried:
            self._limit_cpu()
        memory, processes = self._limits
        self._limit(max(memory, _ROOM_BYTES), max(processes, _ROOM_PROCESSES))

    def add(self, pid: int) -> None:
        for procs in self._procs:
            os.write(procs, str(pid).encode())

    def remove(self) -> None:
        """Give the group up, waiting a moment for its last processes to go."""
        for descriptor in (*self._procs, *self.doors):
            os.close(descriptor)
        if self.oom_kills is not None:
            self.oom_kills.close()
        until = time.monotonic() + _REMOVE_S
        for folder in set(self._folders.values()):
            while not _removed(folder) and time.monotonic() < until:
                time.sleep(0.005)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def of_container() -> ContainerMemory | None:
    """The group that holds this container, where it shows."""
    for folder in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        with contextlib.suppress(OSError):
            return ContainerMemory(folder)
    return None


def open_groups(slot: str) -> list[Group]:
    """The groups of a host, as NAMES says, or none when this machine, or this user, cannot make any."""
    try:
        places = find_places()
        _sweep(places)
        return [Group(places, f"{PREFIX}{slot}-{name}") for name in NAMES] if places else []
    except OSError:
        remove_groups(slot)
        return []


def remove_groups(slot: str) -> None:
    """Remove what a host left behind that could not do it itself."""
    for place in find_places():
        for name in NAMES:
            with contextlib.suppress(OSError):
                (place.folder / f"{PREFIX}{slot}-{name}").rmdir()


def _sweep(places: list[Place]) -> None:
    """Remove groups of sandboxes whose process was killed: a slot's name starts with its owner's pid."""
    for place in places:
        for folder in place.folder.glob(f"{PREFIX}*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def find_places() -> list[Place]:
    """Where groups can be made: for each v1 controller, and in the nearest v2 folder that hands controllers on."""
    own = {controllers: path for _, controllers, path in (line.split(":", 2) for line in _OWN.read_text().splitlines())}
    places: list[Place] = []
    for line in _MOUNTS.read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ")[:3]
        base, mounted = fields.split(" ")[3:5]
        if kind == "cgroup":
            for controllers, path in own.items():
                held = tuple(c for c in controllers.split(",") if c in _WANTED and c in options.split(","))
                places += _first_place(Path(mounted), base, path, held, unified=False)
        elif kind == "cgroup2" and "" in own:
            places += _first_place(Path(mounted), base, own[""], _WANTED, unified=True)
    return places


def _first_place(mounted: Path, base: str, path: str, wanted: tuple[str, ...], *, unified: bool) -> list[Place]:
    """Our own group or the nearest one above it in which a group can be made that has a wanted controller."""
    own = Path(os.path.relpath(path, base)) if path.startswith(base) else Path()
    for folder in (mounted / own, *(mounted / own).parents):
        if wanted and folder.is_relative_to(mounted) and os.access(folder, os.W_OK):
            held = wanted
            if unified:
                handed_on = (folder / "cgroup.subtree_control").read_text().split()
                held = tuple(controller for controller in wanted if controller in handed_on)
            if held:
                return [Place(folder, held, unified)]
    return []
