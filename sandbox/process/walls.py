"""What surrounds a program, as rows of system calls: its file systems, its files, its limits, no way to a right."""

import functools
import os
import resource
import signal
import struct
from collections.abc import Iterable, Mapping

from sandbox.lane import Job
from sandbox.process import kernel
from sandbox.process.native import OPENED, Row
from sandbox.process.root import EMPTY, INIT, USER_ID

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",  # numerical libraries would start a thread for each core of the host
}
HOME = "/tmp"
_SCRATCH = "/run"
"""One file system, and so one limit, for all that a run may write: its scripts, its /tmp and its /dev/shm."""
_HOME_SOURCE = f"{_SCRATCH}/tmp"
_SHARED_MEMORY = f"{_SCRATCH}/shm"
SCRIPTS = f"{_SCRATCH}/script"
_SCRIPT_NAME = "main.py"
SCRIPT = f"{SCRIPTS}/{_SCRIPT_NAME}"
_DEFAULT_DISK = 64 << 20
INODES = 8192
"""Most files, folders and links there."""
_LIMITS = {
    resource.RLIMIT_CORE: 1,  # unlike 0, this also keeps a crash from starting the host's handler of core dumps
    resource.RLIMIT_NOFILE: 512,
    resource.RLIMIT_STACK: 64 << 20,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_SIGPENDING: 1024,  # and timers: kernel memory that nothing else counts
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_RTPRIO: 0,
    resource.RLIMIT_NICE: 0,
}
"""The same for every job."""
_BY_JOB = (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_AS)
_MUST_HOLD = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
_ADDRESS_SPACE_SLACK = 1 << 30
_NICE, _NICEST = 10, 19
_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV


def built(owner: tuple[int, int]) -> list[Row]:
    """What init builds before the program is born. owner: user and group outside."""
    return [
        Row("prctl", (kernel.PR_SET_PDEATHSIG, signal.SIGKILL)),
        *(row for path, content in id_maps(*owner) for row in written(path, content)),
        *written("/proc/self/oom_score_adj", b"1000"),
        _mounted("tmpfs", _SCRATCH, "tmpfs", _FLAGS, _tmpfs_options(_DEFAULT_DISK)),
        Row("mkdir", (_SHARED_MEMORY.encode(), 0o755)),
        Row("mkdir", (_HOME_SOURCE.encode(), 0o755)),
        _mounted(_HOME_SOURCE, HOME, "", kernel.MS_BIND),
        Row("mkdir", (SCRIPTS.encode(), 0o755)),
        _mounted("proc", "/proc", "proc", _FLAGS | kernel.MS_NOEXEC),
        *written("/proc/sys/user/max_user_namespaces", b"0"),  # in which a program would have all rights
        _mounted("", "/proc", "", _FLAGS | kernel.MS_NOEXEC | kernel.MS_RDONLY | kernel.MS_REMOUNT),
        _mounted(EMPTY, "/proc/locks", "", kernel.MS_BIND),  # it tells of other runs' and of the host's
        Row("sethostname", (b"sandbox", len(b"sandbox"))),
        Row("chdir", (HOME.encode(),)),
    ]


UNPRIVILEGED = Row("prctl", (kernel.PR_SET_NO_NEW_PRIVS, 1))
"""Set-uid files and file capabilities mean nothing from here on."""
_POWERLESS = Row("capset", (bytes(kernel.CAP_HEADER), bytes(kernel.NO_CAPABILITIES)))
INIT_ROWS = (
    _POWERLESS,
    # Its file may be executed but not read, so it is not dumpable from its first instruction on.
    Row("execve", (INIT.encode(), bytes(8), bytes(8))),
)


def confining(*, in_container: bool = False) -> list[Row]:
    """What each program begins with, whatever its job: limits that are the same for all, and no way back to a right.

    in_container: whose walls are an engine's. Its kernel may refuse what means nothing to it, as gVisor's does.
    """
    hard = hard_limits()
    return [
        *(_limited(limit, most, hard[limit], in_container) for limit, most in _LIMITS.items()),
        *(Row("prctl", (kernel.PR_CAPBSET_DROP, each), in_container) for each in kernel.CAPABILITIES),
    ]


def yielding() -> Row:
    """Be nice to the other processes of our container; one without rights cannot take that back.

    However many processes a program has, who watches it from within the same container is not kept waiting. Not
    SCHED_IDLE: its weight is so small that a busy host would let the whole container wait.
    """
    return Row("setpriority", (os.PRIO_PROCESS, 0, min(os.nice(0) + _NICE, _NICEST)))


def hard_limits() -> dict[int, int]:
    """Of this process, those that matter here."""
    return {limit: resource.getrlimit(limit)[1] for limit in (*_LIMITS, *_BY_JOB)}


def watchers(job: Job) -> int:
    """How many processes of the run are ours: init, and who stays behind to bring files back."""
    return 1 + bool(job.fetch)


def resized(disk: int) -> list[Row]:
    """Let the run write `disk` bytes."""
    if disk == _DEFAULT_DISK:
        return []
    return [_mounted("tmpfs", _SCRATCH, "tmpfs", _FLAGS | kernel.MS_REMOUNT, _tmpfs_options(disk))]


def settled(job: Job, hard: Mapping[int, int], *, capped: bool, in_container: bool = False) -> list[Row]:
    """Lay out the files and give up all rights. After this only the job's own code may run.

    hard: the hard limits of who carries it out; capped: a memory cgroup holds the run, without one the address space is
    limited where the language can bear it.
    """
    limits = {resource.RLIMIT_FSIZE: job.disk, resource.RLIMIT_NPROC: job.processes + watchers(job)}
    if job.address_space and not capped:
        stacks = job.processes * _LIMITS[resource.RLIMIT_STACK]  # each thread reserves one
        limits[resource.RLIMIT_AS] = job.memory + stacks + _ADDRESS_SPACE_SLACK
    confined = [_limited(limit, most, hard[limit], in_container) for limit, most in limits.items()]
    return [*_files(job), *confined, _POWERLESS]


def id_maps(user: int, group: int) -> tuple[tuple[str, bytes], ...]:
    """Files and what to write there to become USER_ID in a fresh user namespace; `user` and `group` are outside."""
    return (
        ("/proc/self/setgroups", b"deny"),
        ("/proc/self/uid_map", b"%d %d 1" % (USER_ID, user)),
        ("/proc/self/gid_map", b"%d %d 1" % (USER_ID, group)),
    )


def _files(job: Job) -> list[Row]:
    rows = [Row("mkdir", (_path(HOME, folder), 0o777), may_fail=True) for folder in _folders(job.files)]
    for name, content in job.files.items():
        rows += _made(_path(HOME, name), content, 0o755 if name in job.executables else 0o644)
    if job.script is not None:
        # Not in the working folder, which starts with the request's files alone; those are next to the script too, but
        # for one of its own name.
        for name in {name.partition("/")[0] for name in job.files} - {_SCRIPT_NAME}:
            rows.append(Row("symlink", (_path(HOME, name), _path(SCRIPTS, name))))
        rows += _made(SCRIPT.encode(), job.script, 0o644)
    return rows


def _folders(names: Iterable[str]) -> list[str]:
    """Of these files, each after the one that it is in."""
    parts = [name.split("/")[:-1] for name in names]
    return [*dict.fromkeys("/".join(each[: depth + 1]) for each in parts for depth in range(len(each)))]


def _path(folder: str, name: str) -> bytes:
    return f"{folder}/{name}".encode(errors="surrogateescape")


def _made(path: bytes, content: bytes, mode: int) -> list[Row]:
    """Write a whole new file."""
    return _filled(path, content, os.O_CREAT | os.O_TRUNC, mode)


def written(path: str, content: bytes) -> list[Row]:
    """Write `content` into a file that is there."""
    return _filled(path.encode(), content, 0, 0)


def _filled(path: bytes, content: bytes, flags: int, mode: int) -> list[Row]:
    return [
        Row("open", (path, os.O_WRONLY | os.O_CLOEXEC | flags, mode)),
        Row("write", (OPENED, content, len(content))),
        Row("close", (OPENED,)),
    ]


def _mounted(source: str, target: str, kind: str, flags: int, options: str = "") -> Row:
    """`mount` of kernel.py."""
    return Row("mount", (source.encode(), target.encode(), kind.encode(), flags, options.encode()))


def _tmpfs_options(size: int) -> str:
    return f"size={size},nr_inodes={INODES},mode=755"


@functools.lru_cache
def _limited(limit: int, wanted: int, most: int, in_container: bool) -> Row:
    """Soft and hard limit. Programs that recurse deeply give themselves a larger stack: it is memory like any other."""
    value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    bounds = struct.pack("=qq", value, most if limit == resource.RLIMIT_STACK else value)
    return Row("setrlimit", (limit, bounds), in_container and limit not in _MUST_HOLD)
