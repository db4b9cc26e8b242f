"""The system calls a program may make: an allowlist, compiled to BPF.

A refused call returns an error, so that programs can fall back as they do on an old kernel. Only a call through a
foreign ABI (32 bit, x32) kills. x86_64 only; `probe` refuses other machines. What namespaces and missing capabilities
make harmless is allowed; what reaches much kernel code for little use (io_uring, keys, bpf, tracing, all sockets but
AF_UNIX) is not.

A filter takes the kernel a quarter of a millisecond to make, and longer when others make theirs. So a fork server has
it already, and its clones inherit it. What passes for their sake, programs can ask for too: they have no right to it.
"""

import ctypes
import errno
import struct
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.process import kernel
from sandbox.process.native import Row

# Numbers of x86_64 (linux/arch/x86/entry/syscalls/syscall_64.tbl).
ALLOWED = {
    # files
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
    "pread64": 17, "pwrite64": 18, "readv": 19, "writev": 20, "access": 21, "pipe": 22, "select": 23, "dup": 32,
    "dup2": 33, "flock": 73, "truncate": 76, "ftruncate": 77,
    "getdents": 78, "getcwd": 79, "chdir": 80, "fchdir": 81, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85,
    "link": 86, "unlink": 87, "symlink": 88, "readlink": 89, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93,
    "lchown": 94, "umask": 95, "utime": 132, "mknod": 133, "statfs": 137, "fstatfs": 138,
    "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193,
    "listxattr": 194, "llistxattr": 195, "flistxattr": 196, "removexattr": 197, "lremovexattr": 198,
    "fremovexattr": 199, "getdents64": 217, "utimes": 235, "openat": 257, "mkdirat": 258,
    "mknodat": 259, "fchownat": 260, "futimesat": 261, "newfstatat": 262, "unlinkat": 263, "renameat": 264,
    "linkat": 265, "symlinkat": 266, "readlinkat": 267, "fchmodat": 268, "faccessat": 269, "pselect6": 270,
    "ppoll": 271, "splice": 275, "tee": 276, "utimensat": 280, "fallocate": 285,
    "dup3": 292, "pipe2": 293, "preadv": 295, "pwritev": 296, "renameat2": 316, "copy_file_range": 326,
    "statx": 332, "close_range": 436, "openat2": 437, "faccessat2": 439,
    "fchmodat2": 452,
    # memory
    "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25,
    "mlock": 149, "munlock": 150, "mlockall": 151, "munlockall": 152, "mlock2": 325, "membarrier": 324,
    "pkey_mprotect": 329, "pkey_alloc": 330, "pkey_free": 331,
    # processes, threads, signals
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "pause": 34, "getpid": 39,
    "fork": 57, "vfork": 58, "execve": 59, "exit": 60, "wait4": 61, "kill": 62, "getpgrp": 111, "setsid": 112,
    "setpgid": 109, "getppid": 110, "getpgid": 121, "getsid": 124, "rt_sigpending": 127, "rt_sigtimedwait": 128,
    "rt_sigqueueinfo": 129, "rt_sigsuspend": 130, "sigaltstack": 131, "getpriority": 140,
    "sched_getparam": 143, "sched_getscheduler": 145,
    "sched_get_priority_max": 146, "sched_get_priority_min": 147, "sched_rr_get_interval": 148, "arch_prctl": 158,
    "gettid": 186, "tkill": 200, "futex": 202, "sched_getaffinity": 204,
    "set_tid_address": 218, "restart_syscall": 219, "exit_group": 231, "tgkill": 234, "waitid": 247,
    "ioprio_get": 252, "set_robust_list": 273, "get_robust_list": 274, "rt_tgsigqueueinfo": 297, "getcpu": 309,
    "sched_getattr": 315, "execveat": 322, "rseq": 334, "pidfd_send_signal": 424,
    "pidfd_open": 434, "futex_waitv": 449,
    # time
    "nanosleep": 35, "getitimer": 36, "alarm": 37, "setitimer": 38, "gettimeofday": 96, "time": 201,
    "timer_create": 222, "timer_settime": 223, "timer_gettime": 224, "timer_getoverrun": 225, "timer_delete": 226,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "timerfd_create": 283,
    "timerfd_settime": 286, "timerfd_gettime": 287,
    # events and AF_UNIX sockets
    "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47, "shutdown": 48,
    "bind": 49, "listen": 50, "getsockname": 51, "getpeername": 52, "getsockopt": 55,
    "epoll_create": 213, "epoll_wait": 232, "epoll_ctl": 233, "epoll_pwait": 281, "signalfd": 282, "eventfd": 284,
    "accept4": 288, "signalfd4": 289, "eventfd2": 290, "epoll_create1": 291, "recvmmsg": 299, "sendmmsg": 307,
    "epoll_pwait2": 441,
    # who am I, where am I
    "uname": 63, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104,
    "setuid": 105, "setgid": 106, "geteuid": 107, "getegid": 108, "setreuid": 113, "setregid": 114,
    "getgroups": 115, "setgroups": 116, "setresuid": 117, "getresuid": 118, "setresgid": 119, "getresgid": 120,
    "setfsuid": 122, "setfsgid": 123, "capget": 125, "capset": 126, "setrlimit": 160, "getrandom": 318,
}  # fmt: skip

WITHOUT_EFFECT = {
    "sync": 162, "syncfs": 306, "fsync": 74, "fdatasync": 75, "sync_file_range": 277, "msync": 26,
    "readahead": 187, "fadvise64": 221,
}  # fmt: skip
"""These succeed and do nothing. What a run writes is in memory, but on files that it only reads they would keep the
host's disks busy, or empty its cache."""


class Test(NamedTuple):
    """What an argument must be. The kernel too reads only the low 32 bits of those tested here, but of a size."""

    argument: int
    only: tuple[int, ...] = ()
    """One of these values, if there are any,"""
    bits: tuple[tuple[int, int], ...] = ()
    """or of the bits of such a mask just these set,"""
    never: tuple[int, ...] = ()
    """or none of these values,"""
    below: int = 0
    """or a size, of 64 bits, less than this."""


class Call(NamedTuple):
    """A call whose arguments decide: all tests must pass."""

    number: int
    tests: tuple[Test, ...]
    refusal: int = errno.EPERM


_TERMINAL_AND_SIZE = (
    0x5401, 0x5402, 0x5403, 0x5404, 0x540F, 0x5410, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x5452,
)  # fmt: skip
"""TCGETS, TCSETS*, TIOC[GS]PGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC."""
_OWN_FILES = (*range(12), 15, 16, 1025, 1030, 1032, 1033, 1034, 1035, 1036, 1037, 1038)
"""fcntl without leases, notifications and open-file locks, which reach other runs through shared files, and without
F_SETPIPE_SZ, which uses up a budget that all runs share: DUPFD .. GETSIG, [GS]ETOWN_EX, GETLEASE, DUPFD_CLOEXEC,
GETPIPE_SZ, seals, write hints."""
_HARMLESS_OPTIONS = (2, 6, 7, 8, 9, 10, 13, 15, 16, 18, 20, 21, 29, 34, 42, 66, 67)
"""Of sockets, without packet filters, which are programs for the kernel: REUSEADDR, BROADCAST, SNDBUF .. OOBINLINE,
LINGER, REUSEPORT, PASSCRED, RCVLOWAT, RCVTIMEO, SNDTIMEO, TIMESTAMP, PASSSEC, PEEK_OFF, new RCVTIMEO and SNDTIMEO."""
_HARMLESS_PRCTLS = (1, 2, 3, 4, 15, 16, 21, 23, 24, 29, 30, 36, 37, 38, 39, 41, 42, 0x53564D41)
"""PDEATHSIG, DUMPABLE, NAME, GET_SECCOMP, CAPBSET_READ, CAPBSET_DROP, TIMERSLACK, SUBREAPER, NO_NEW_PRIVS,
THP_DISABLE, SET_VMA."""
_NEW_NAMESPACES = 0x7E02_0080
_RWF_NOWAIT = 8
"""Tells what is in the host's cache, which other runs have filled."""
_HIDING = (20, 21, 25)
"""MADV_COLD and MADV_PAGEOUT put memory where it does not show, and MADV_COLLAPSE makes a huge page, of which then one
byte in a pipe holds all."""
_MAP_HUGETLB, _MFD_HUGETLB = 0x4_0000, 4
"""Huge pages come from a pool of the host's that no memory cgroup counts."""

_NOT_OF_INIT = (Test(0, never=(1,)),)
"""Init must not be made to wait for the processor: the kernel kills the others through it."""

_AT_ONCE = 16 << 20
"""Gigabytes of zeros for /dev/null are one call, in which a kernel without preemption lets nobody else in."""
_CLONE_FILES, _CLONE_THREAD = 0x400, 0x1_0000
"""Who shares open files and is no thread can end and leave locks on them that nobody seems to have."""
_CLONE = Call(
    56,
    (Test(0, bits=((_NEW_NAMESPACES | _CLONE_FILES, 0), (_NEW_NAMESPACES | _CLONE_THREAD, _CLONE_THREAD))),),
)

BY_ARGUMENT = {
    "sendfile": Call(40, (Test(3, below=_AT_ONCE),), errno.EINVAL),
    "mmap": Call(9, (Test(3, bits=((_MAP_HUGETLB, 0),)),)),
    "preadv2": Call(327, (Test(5, bits=((_RWF_NOWAIT, 0),)),), errno.EOPNOTSUPP),
    "pwritev2": Call(328, (Test(5, bits=((_RWF_NOWAIT, 0),)),), errno.EOPNOTSUPP),
    "memfd_create": Call(319, (Test(1, bits=((_MFD_HUGETLB, 0),)),)),
    "clone": _CLONE,
    "socket": Call(41, (Test(0, only=(1,)),), errno.EAFNOSUPPORT),
    "socketpair": Call(53, (Test(0, only=(1,)),), errno.EAFNOSUPPORT),
    "setsockopt": Call(54, (Test(2, only=_HARMLESS_OPTIONS),), errno.ENOPROTOOPT),
    "ioctl": Call(16, (Test(1, only=_TERMINAL_AND_SIZE),), errno.ENOTTY),
    "fcntl": Call(72, (Test(1, only=_OWN_FILES),)),
    "prctl": Call(157, (Test(0, only=_HARMLESS_PRCTLS),), errno.EINVAL),
    "prlimit64": Call(302, (Test(0, only=(0,)),)),
    "madvise": Call(28, (Test(2, never=_HIDING),), errno.EINVAL),
    "setpriority": Call(141, (Test(0, only=(0, 1)), Test(1, never=(1,)))),
    "sched_setparam": Call(142, _NOT_OF_INIT),
    "sched_setscheduler": Call(144, _NOT_OF_INIT),
    "sched_setaffinity": Call(203, _NOT_OF_INIT),
    "sched_setattr": Call(314, _NOT_OF_INIT),
}
_FOR_BIRTHS = {"mount": 165, "sethostname": 170}
"""And a clone into all its namespaces. Programs have no capability for the first two, and `guest` sees to it that there
is no user namespace below a run's."""
_WITH_GROUPS = ("memfd_create", "sched_setparam", "sched_setscheduler", "sched_setattr")
"""Allowed only where control groups hold a run: the pages of the first show in no process, and with the others a run
whose processor is busy takes its time to die."""
_PINNING = (BY_ARGUMENT["sendfile"].number, ALLOWED["splice"], ALLOWED["tee"])
"""As well: with them one byte in a pipe or a socket holds a whole page, which then shows nowhere."""
_SETXATTRS = (ALLOWED["setxattr"], ALLOWED["lsetxattr"], ALLOWED["fsetxattr"])
"""The attributes of a file in memory are not of its size, and of standard input's file there may be any number."""
_BUFFER_SIZES = (7, 8)
"""SO_SNDBUF and SO_RCVBUF: what sockets hold shows nowhere, and is known from their number as long as these stay."""
_CLONE3 = 435
_NEWEST_KNOWN = 452

_X86_64 = 0xC000_003E
_X32_BIT = 0x4000_0000
_ALLOW = 0x7FFF_0000
_KILL = 0x8000_0000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_LD, _AND, _JEQ, _JGE, _JSET, _RET = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06

Instruction = tuple[int, int, int, int]
Verdict = tuple[Instruction, ...]


def _refuse(number: int) -> int:
    return 0x0005_0000 | number


def _always(answer: int) -> Verdict:
    return ((_RET, 0, 0, answer),)


_EPERM = _always(_refuse(errno.EPERM))
_ENOSYS = _always(_refuse(errno.ENOSYS))


def _by_argument(call: Call) -> Verdict:
    instructions = list[Instruction]()
    for test in call.tests:
        load = (_LD, 0, 0, _ARGUMENTS + 8 * test.argument)
        if test.below:
            high = (_LD, 0, 0, _ARGUMENTS + 8 * test.argument + 4)
            below = (high, (_JEQ, 0, 2, 0), load, (_JGE, 0, 1, test.below))
            instructions += [*below, (_RET, 0, 0, _refuse(call.refusal))]
            continue
        size = 1 + len(test.only) + 3 * len(test.bits) + len(test.never)
        body = [load]  # who passes jumps over the refusal, which comes behind it
        body += [(_JEQ, size - at, 0, value) for at, value in enumerate(test.only, 1)]
        for mask, value in test.bits:
            body += [load, (_AND, 0, 0, mask), (_JEQ, size - len(body) - 2, 0, value)]
        left = len(test.never)
        for value in test.never:
            left -= 1
            body.append((_JEQ, left, 0 if left else 1, value))
        instructions += [*body, (_RET, 0, 0, _refuse(call.refusal))]
    return (*instructions, (_RET, 0, 0, _ALLOW))


def _ignored(argument: int, one: int, other: int) -> Verdict:
    """Before another verdict: with either value of the argument the call succeeds and does nothing."""
    load = (_LD, 0, 0, _ARGUMENTS + 8 * argument)
    return (load, (_JEQ, 1, 0, one), (_JEQ, 0, 1, other), (_RET, 0, 0, _refuse(0)))


def _ranges(verdicts: dict[int, Verdict]) -> list[tuple[int, Verdict]]:
    """(first number, verdict) of each stretch of equal verdicts, from 0 up."""
    stretches: list[tuple[int, Verdict]] = []
    for number in range(_NEWEST_KNOWN + 2):
        verdict = verdicts.get(number, _EPERM if number <= _NEWEST_KNOWN else _ENOSYS)
        if not stretches or stretches[-1][1] != verdict:
            stretches.append((number, verdict))
    return stretches


def _search(stretches: list[tuple[int, Verdict]]) -> Iterator[Instruction]:
    """Binary search over the stretches: few steps a call, and few instructions for the kernel to translate."""
    if len(stretches) == 1:
        yield from stretches[0][1]
        return
    middle = len(stretches) // 2
    low = list(_search(stretches[:middle]))
    # A jump reaches 255 instructions at most; the larger half is reached by falling through.
    yield (_JGE, len(low), 0, stretches[middle][0])
    yield from low
    yield from _search(stretches[middle:])


def program(groups: bool, births: int | None = None) -> list[Instruction]:
    """The filter. groups: whether control groups hold the runs; births: a fork server's flags of clone(2)."""
    verdicts = dict.fromkeys(ALLOWED.values(), _always(_ALLOW))
    verdicts |= dict.fromkeys(WITHOUT_EFFECT.values(), _always(_refuse(0))) | {_CLONE3: _ENOSYS}
    verdicts |= {
        call.number: _by_argument(call) for name, call in BY_ARGUMENT.items() if groups or name not in _WITH_GROUPS
    }
    if not groups:
        verdicts |= dict.fromkeys(_PINNING, _always(_refuse(errno.EINVAL)))
        verdicts |= dict.fromkeys(_SETXATTRS, _always(_refuse(errno.EOPNOTSUPP)))
        option = BY_ARGUMENT["setsockopt"]
        verdicts[option.number] = (*_ignored(option.tests[0].argument, *_BUFFER_SIZES), *verdicts[option.number])
    if births is not None:
        verdicts |= dict.fromkeys(_FOR_BIRTHS.values(), _always(_ALLOW))
        verdicts[_CLONE.number] = _by_argument(Call(_CLONE.number, (_CLONE.tests[0]._replace(only=(births,)),)))
    return [
        (_LD, 0, 0, _ARCH), (_JEQ, 1, 0, _X86_64), (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NUMBER), (_JSET, 0, 1, _X32_BIT), (_RET, 0, 0, _KILL),
        *_search(_ranges(verdicts)),
    ]  # fmt: skip


class Filter:
    """The compiled program and the memory it lives in."""

    def __init__(self, groups: bool, births: int | None = None) -> None:
        instructions = program(groups, births)
        self._code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
        self._program = kernel.SockFprog(len(instructions), ctypes.addressof(self._code))

    def installed(self) -> Row:
        """Attach it to the thread that carries this out, which can gain no privileges. It cannot be taken off."""
        program = ctypes.addressof(self._program)
        return Row("prctl", (kernel.PR_SET_SECCOMP, kernel.SECCOMP_MODE_FILTER, program))
