"""The fork server: a warm, single-threaded interpreter that clones itself on request and never sees a job.

Jobs go from the host straight to the clones, so that nothing of one run is ever in the memory the next is copied from.
"""

import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
from types import CodeType
from typing import NamedTuple, NoReturn

from sandbox.lane import Job
from sandbox.process import frozen, guest, kernel, program, root, seccomp, wire
from sandbox.process.birth import Birth, WallError
from sandbox.process.cgroup import HOME

PID = struct.Struct("=i")
"""The reply to a request: the clone's pid, or a negative errno."""

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


def become(settings: Settings, channel: socket.socket, capped: bool, doors: Sequence[Sequence[int]]) -> Job:
    """Turn this process into a fork server and serve. Returns only in a clone: the job whose script it is to run.

    capped: memory cgroups hold the runs; doors: of each group in cgroup.NAMES. Raises OSError when the machine refuses
    the walls.
    """
    kernel.die_with_parent()
    owner, file = _enter_root(settings)
    sys.path.remove(sys.argv[1])
    program.warm_up(settings.preload, settings.kept)
    birth = Birth(_FLAGS, guest.walls(owner), guest.INIT_ROWS, guest.program_rows(), guest.UNBUILT)
    program_filter = seccomp.Filter(capped, birth.flags)
    frozen.freeze(file)
    os.close(file)
    _kept.extend((settings, program_filter, birth))
    kernel.forbid_new_privileges()
    kernel.install_filter(program_filter.program)
    channel.sendall(PID.pack(0))
    line = _serve(channel, birth, doors)
    if settings.contained:
        kernel.yield_to_watcher()
    return _take_job(line, capped)


def _enter_root(settings: Settings) -> tuple[tuple[int, int], int]:
    """Build the root and move in; as root, then become nobody in particular.

    Gives user and group as seen by clones, and the file that `root.build` gives.
    """
    if os.geteuid() == 0 and _try_unshare(_OWN):
        file = root.build(settings.folders, settings.packages)
        return _leave_root_user(settings.user_id), file
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | _OWN)
    guest.map_ids(user, group)
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


def _serve(channel: socket.socket, birth: Birth, doors: Sequence[Sequence[int]]) -> int:
    """Clone whenever asked. Returns only in a clone that is to become a program: the socket to its host."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which init keeps: process 1 cannot be sent it then
    while True:
        turn, descriptors = wire.receive_descriptors(channel)
        if not descriptors:
            os._exit(0)
        try:
            _enter(doors[turn[0]])
            pid = birth.give(*descriptors)
            if pid:
                _enter(doors[HOME])  # before any job comes to the clone
        except WallError:
            _give_up(descriptors[0])
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            guest.begin_program()
            return descriptors[0]
        for descriptor in descriptors:
            os.close(descriptor)
        channel.sendall(PID.pack(pid))


def _enter(doors: Sequence[int]) -> None:
    """Become one of this group, which the clones then are too."""
    for door in doors:
        os.write(door, b"0")


def _take_job(line: int, capped: bool) -> Job:
    to_host = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, line)
    job, standard_input = guest.receive_job(to_host)
    to_host.detach()
    try:
        guest.resize(job.disk)
        if job.fetch:
            guest.stay_behind(line, job.fetch, job.disk)
    except OSError:
        _give_up(line)
    return begin(job, standard_input, line, capped)


def begin(job: Job, standard_input: int, line: int, capped: bool, program_filter: seccomp.Filter | None = None) -> Job:
    """Give up all rights and become the program. Returns only if that is a script: the job.

    line: descriptor to tell the watch through why that failed; capped: a memory cgroup holds the run; program_filter:
    if there is none in force yet.
    """
    try:
        guest.settle(job, standard_input, capped)
        if program_filter is not None:
            kernel.install_filter(program_filter.program)
        if job.script is None:
            guest.execute(job)
        program.prepare(job.argv, job.files)
    except BaseException:  # a process boundary: tell the watch, whatever it was
        _give_up(line)
    os.closerange(3, 1 << 16)
    return job


def _give_up(line: int) -> NoReturn:
    os.write(line, guest.FAILED + traceback.format_exc(limit=-3).encode()[-4000:])
    os._exit(1)
