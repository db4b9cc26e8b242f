"""The fork server: a warm, single-threaded interpreter that clones itself on request and never sees a job.

Jobs go from the host straight to the clones, so that nothing of one run is ever in the memory the next is copied from.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from sandbox.lane import Job
from sandbox.process import birth, frozen, guest, kernel, program, root, seccomp, sheet, walls
from sandbox.process.native import Row

PID = struct.Struct("=i")
"""The reply to a request: the clone's pid, or a negative errno."""
READY = PID.pack(0)
"""What is told before any request."""

_FLAGS = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID
    | kernel.CLONE_PARENT
)

_OWN = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET
"""The fork server's own. Its network namespace, which nobody has rights over, is that of its runs, one after the other.
The filter lets only AF_UNIX sockets pass, and `host` lets no run begin before those of the last one are gone."""

_kept: list[object] = []
"""What a clone must not take the time to free."""


class Settings(NamedTuple):
    """What a host and its fork server are started with."""

    slot: str
    """Name of this host's control groups."""
    user_id: int
    """Whom runs belong to, seen from outside, when the host is root; other hosts have other ids."""
    folders: tuple[str, ...]
    packages: tuple[str, ...]
    preload: tuple[str, ...]
    kept: tuple[tuple[str, CodeType], ...]
    """Modules of the caller's, by name, that programs find in `program.KEPT`."""
    contained: bool
    """Whether they are alone in a container, whose memory limit is the runs'."""


class AtFork(NamedTuple):
    """What modules want to do about a fork."""

    register: Callable[..., None]
    """The real os.register_at_fork. Until all modules are loaded another one stands in for it, which keeps"""
    hooks: list[dict[str, Callable[[], object]]]
    """what it is given."""


def become(
    settings: Settings, channel: socket.socket, capped: bool, doors: Sequence[Sequence[int]], at_fork: AtFork
) -> bytes:
    """Turn this process into a fork server and serve. Returns only in a clone: the script that it is to run.

    capped: memory cgroups hold the runs; doors: of each group in cgroup.NAMES. Raises OSError when the machine refuses
    the walls.
    """
    kernel.die_with_parent()
    owner, file = _enter_root(settings)
    sys.path.remove(sys.argv[1])
    program.warm_up(settings.preload, settings.kept)
    program.set_the_stage()
    put_right = _ready_to_fork(at_fork)
    begins = [Row("setsid", ()), *walls.confining()]
    if settings.contained:
        begins.append(walls.yielding())
    server = birth.Server(_FLAGS, walls.built(owner), walls.INIT_ROWS, begins, doors, channel.fileno(), guest.UNBUILT)
    program_filter = seccomp.Filter(capped, server.flags)
    first = [
        *frozen.frozen(file),
        Row("close", (file,)),
        walls.UNPRIVILEGED,
        program_filter.installed(),
        Row("write", (channel.fileno(), READY, len(READY))),
    ]
    _kept.extend((settings, channel, doors, at_fork, put_right, begins, server, program_filter, first))
    # From here on nothing of Python runs in the fork server, so that it never writes to what its clones copy.
    return _begin(server.serve(first), put_right)


def _ready_to_fork(at_fork: AtFork) -> Callable[[], object]:
    """Gives what a program does first: it is a copy of a single thread, so only modules may want to know of a fork."""
    os.register_at_fork = at_fork.register
    random = sys.modules.get("random")
    if random and at_fork.hooks == [{"after_in_child": random._inst.seed}]:
        random._inst.gauss_next = None
        seed: Callable[[], object] = super(random.Random, random._inst).seed  # in Python it touches forty pages
        return seed
    kernel.before_fork()
    return kernel.put_right


def _enter_root(settings: Settings) -> tuple[tuple[int, int], int]:
    """Build the root and move in; as root, then become nobody in particular.

    Gives user and group as seen by clones, and the file that `root.build` gives.
    """
    if os.geteuid() == 0 and _try_unshare(_OWN):
        file = root.build(settings.folders, settings.packages)
        return _leave_root_user(settings.user_id), file
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | _OWN)
    for path, content in walls.id_maps(user, group):
        Path(path).write_bytes(content)
    return (root.USER_ID, root.USER_ID), root.build(settings.folders, settings.packages)


def _try_unshare(flags: int) -> bool:
    try:
        kernel.unshare(flags)
    except PermissionError:  # root of a container, without the right to mount
        return False
    return True


def _leave_root_user(user_id: int) -> tuple[int, int]:
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    kernel.set_dumpable(True)  # else /proc/self/uid_map of the clones would belong to root
    kernel.die_with_parent()
    return user_id, user_id


def _begin(line: int, put_right: Callable[[], object]) -> bytes:
    """In a clone whose walls stand. line: descriptor of the socket to its host."""
    try:
        put_right()
        script, arguments, files, other = sheet.task()
        if other:
            job = Job(*other)
            sheet.forget()
            if job.fetch:
                guest.stay_behind(line, job.fetch, job.disk)
            if script is None:
                guest.execute(job)
        if arguments or files:
            program.adapt(arguments, files)
        sheet.leave()
    except BaseException:  # a process boundary: tell the watch, whatever it was
        guest.give_up(line)
    return script or b""
