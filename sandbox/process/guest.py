"""What happens inside a clone until the program's first instruction: the walls, and how it becomes the program.

The clone builds the walls and becomes init (process 1 of the run, see `birth` and native.S), which reaps and tells how
the program ended. Its child, a copy of the fork server, becomes the program: it waits for a job, gives up all rights,
and runs it. Init, and who stays behind to bring files back, are neither traceable nor readable for the program, though
all have the same user id.
"""

import _signal  # type: ignore[import-not-found]
import contextlib
import os
import resource
import signal
import socket
import stat
import struct
from collections.abc import Sequence
from typing import NoReturn

from sandbox.lane import Job
from sandbox.process import birth, kernel, wire
from sandbox.process.native import Row
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
DEFAULT_DISK = 64 << 20
FAILED, UNBUILT, ENDED, FILE, CONTENT = b"F", b"U", b"E", b"N", b"C"
"""First byte of each message to the host: the sandbox failed (text), its walls could not be built (a result for
`native.failure`), the program ended, a file begins, more of it."""
STATUS = struct.Struct("=i")
"""The program's wait status."""
FILE_HEAD = struct.Struct("=qq")
"""A file's index in the list asked for, and its size."""

_MOST_SENT = 1 << 30
"""Bytes of files that come back; the messages that they then go in hold no more than twice as much."""
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
_MUST_HOLD = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
_ADDRESS_SPACE_SLACK = 1 << 30
_CANNOT_EXECUTE = 126
"""A shell's exit code for it."""
_CHUNK = 1 << 15
_WALLS = kernel.MS_NOSUID | kernel.MS_NODEV


def walls(owner: tuple[int, int]) -> list[Row]:
    """What init builds before the program is born. owner: user and group outside."""
    return [
        Row(birth.PRCTL, (kernel.PR_SET_PDEATHSIG, signal.SIGKILL)),
        *(row for path, content in _id_maps(*owner) for row in birth.written(path, content)),
        *birth.written("/proc/self/oom_score_adj", b"1000"),
        birth.mounted("tmpfs", _SCRATCH, "tmpfs", _WALLS, _tmpfs_options(DEFAULT_DISK)),
        Row(birth.MKDIR, (_SHARED_MEMORY.encode(), 0o755)),
        Row(birth.MKDIR, (_HOME_SOURCE.encode(), 0o755)),
        birth.mounted(_HOME_SOURCE, HOME, "", kernel.MS_BIND),
        Row(birth.MKDIR, (SCRIPTS.encode(), 0o755)),
        birth.mounted("proc", "/proc", "proc", _WALLS | kernel.MS_NOEXEC),
        *birth.written("/proc/sys/user/max_user_namespaces", b"0"),  # in which a program would have all rights
        birth.mounted("", "/proc", "", _WALLS | kernel.MS_NOEXEC | kernel.MS_RDONLY | kernel.MS_REMOUNT),
        birth.mounted(EMPTY, "/proc/locks", "", kernel.MS_BIND),  # it tells of other runs' and of the host's
        Row(birth.SETHOSTNAME, (b"sandbox", len(b"sandbox"))),
        Row(birth.CHDIR, (HOME.encode(),)),
    ]


INIT_ROWS = (
    Row(birth.CAPSET, (bytes(kernel.CAP_HEADER), bytes(kernel.NO_CAPABILITIES))),
    # Its file may be executed but not read, so it is not dumpable from its first instruction on.
    Row(birth.EXECVE, (INIT.encode(), bytes(8), bytes(8))),
)


def program_rows() -> list[Row]:
    """What each program begins with, whatever its job: `keep_within_limits` among it."""
    unlimited = 1 << 64  # -1 in Python
    limits = {limit: (each % unlimited for each in _bounds(limit, most)) for limit, most in _LIMITS.items()}
    return [
        Row(birth.SETSID, ()),
        *(Row(birth.SETRLIMIT, (limit, struct.pack("=QQ", *bounds))) for limit, bounds in limits.items()),
        *(Row(birth.PRCTL, (kernel.PR_CAPBSET_DROP, capability)) for capability in kernel.CAPABILITIES),
    ]


def begin_program() -> None:
    """First thing in a new program: what the machine code leaves to Python."""
    kernel.put_right()
    _signal.signal(signal.SIGINT, signal.default_int_handler)  # the one in `signal` goes through enums


def map_ids(user: int, group: int) -> None:
    """Become USER_ID in a fresh user namespace; `user` and `group` are what this process is outside."""
    for path, content in _id_maps(user, group):
        write(path, content)


def _id_maps(user: int, group: int) -> tuple[tuple[str, bytes], ...]:
    return (
        ("/proc/self/setgroups", b"deny"),
        ("/proc/self/uid_map", b"%d %d 1" % (USER_ID, user)),
        ("/proc/self/gid_map", b"%d %d 1" % (USER_ID, group)),
    )


def write(path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a whole file. (pathlib and buffers cost more than the rest of a clone's work.)"""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
    os.close(file)


def _tmpfs_options(size: int) -> str:
    return f"size={size},nr_inodes={INODES},mode=755"


# Bringing files back


def watchers(job: Job) -> int:
    """How many processes of the run are ours: init, and who stays behind."""
    return 1 + bool(job.fetch)


def stay_behind(line: int, names: Sequence[str], room: int) -> None:
    """Fork: returns in what is to become the program; we tell of its end before init does, and send these files."""
    kernel.set_dumpable(False)
    program = os.fork()
    if program == 0:
        kernel.set_dumpable(True)
        os.setsid()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program's own is its affair
    kernel.become_subreaper()
    kernel.drop_capabilities()
    pid, status = 0, 0
    while pid != program:
        pid, status = os.wait()
    kill_the_rest()
    tell_end(line, status, names, room)
    os._exit(0)


def tell_end(line: int, status: int, names: Sequence[str], room: int) -> None:
    """Report the program's wait status, and send the files of these names that there are and fit into `room` bytes."""
    os.write(line, ENDED + STATUS.pack(status))
    room = min(room, _MOST_SENT)
    for index, name in enumerate(names):
        room -= _send_file(line, index, name, room)


def kill_the_rest() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _send_file(line: int, index: int, name: str, room: int) -> int:
    """Bytes that were sent."""
    try:
        descriptor = _open_beneath(name)
    except OSError:
        return 0  # not there, or not a plain file on a plain path: then it is not among the results
    size = left = os.fstat(descriptor).st_size
    if size <= room:
        os.write(line, FILE + FILE_HEAD.pack(index, size))
        while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
            os.write(line, CONTENT + chunk)
            left -= len(chunk)
    os.close(descriptor)
    return size - left


def _open_beneath(name: str) -> int:
    """Open a regular file below the working folder, following no symlink anywhere on the way."""
    *folders, last = name.split("/")
    here = os.open(HOME, os.O_PATH | os.O_DIRECTORY)
    try:
        for folder in folders:
            there = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = there
        # O_NONBLOCK: a FIFO must not hold us up before we see that it is one.
        file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(f"{name} is not a regular file")
    return file


# The program


def receive_job(to_host: socket.socket) -> tuple[Job, int]:
    """Wait for the job, and the descriptor of its standard input. Exits when the host goes away."""
    descriptors = wire.receive(to_host)
    if not descriptors:
        os._exit(0)
    return Job(*wire.load(descriptors[0])), descriptors[1]


def resize(disk: int) -> None:
    """Let the run write `disk` bytes."""
    if disk != DEFAULT_DISK:
        kernel.mount("tmpfs", _SCRATCH, "tmpfs", _WALLS | kernel.MS_REMOUNT, _tmpfs_options(disk))


def settle(job: Job, standard_input: int, capped: bool) -> None:
    """Lay out the files and give up all rights. After this only the job's own code may run.

    capped: a memory cgroup holds the run; without one the address space is limited where the language can bear it.
    """
    _lay_out(job)
    os.dup2(standard_input, 0)
    _limit(resource.RLIMIT_FSIZE, job.disk)
    _limit(resource.RLIMIT_NPROC, job.processes + watchers(job))
    if job.address_space and not capped:
        stacks = job.processes * _LIMITS[resource.RLIMIT_STACK]  # each thread reserves one
        _limit(resource.RLIMIT_AS, job.memory + stacks + _ADDRESS_SPACE_SLACK)
    kernel.drop_capabilities()


def _lay_out(job: Job) -> None:
    for name, content in job.files.items():
        folder = name.rpartition("/")[0]
        if folder:
            os.makedirs(f"{HOME}/{folder}", exist_ok=True)  # noqa: PTH103
        write(f"{HOME}/{name}", content, 0o755 if name in job.executables else 0o644)
    if job.script is not None:
        # Not in the working folder, which starts with the request's files alone; those are next to the script too, but
        # for one of its own name.
        for name in {name.partition("/")[0] for name in job.files} - {job.argv[0].removeprefix(f"{SCRIPTS}/")}:
            os.symlink(f"{HOME}/{name}", f"{SCRIPTS}/{name}")  # noqa: PTH211
        write(job.argv[0], job.script)


def keep_within_limits() -> None:
    """What `program_rows` does for clones: the limits that are the same for every job, and no way back to a right."""
    for limit, most in _LIMITS.items():
        _limit(limit, most)
    kernel.drop_bounding_set()


def _limit(limit: int, wanted: int) -> None:
    try:
        resource.setrlimit(limit, _bounds(limit, wanted))
    except ValueError:  # gVisor refuses those that mean nothing to its kernel
        if limit in _MUST_HOLD:
            raise


def _bounds(limit: int, wanted: int) -> tuple[int, int]:
    """Soft and hard limit. Programs that recurse deeply give themselves a larger stack: it is memory like any other."""
    _, most = resource.getrlimit(limit)
    value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    return value, most if limit == resource.RLIMIT_STACK else value


def execute(job: Job) -> NoReturn:
    """Become another program, which gets the standard streams and no other file.

    Python ignores two signals that others expect at their default.
    """
    kernel.close_on_execution(3)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    environment = ENVIRONMENT | {"PATH": ":".join((*job.path, ENVIRONMENT["PATH"]))}
    try:
        os.execvpe(job.argv[0], job.argv, environment)
    except OSError as error:
        if not job.argv[0].startswith("./"):
            raise
        # A compiler's product is the program's own doing, also one that no kernel takes for a program.
        os.write(2, f"{job.argv[0]}: {error.strerror}\n".encode())
        os._exit(_CANNOT_EXECUTE)
