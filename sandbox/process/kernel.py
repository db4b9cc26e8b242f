"""The Linux calls that the os module lacks: clone with namespaces, mounts, capabilities, seccomp. No policy here."""

import ctypes
import os
import signal

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
CLONE_PARENT = 0x0000_8000
CLONE_VFORK = 0x0000_4000
CLONE_VM = 0x0000_0100

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY_NOSUID, _MOUNT_ATTR_NODEV = 1 | 2, 4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x2008_0522
CAPABILITIES = range(41)
"""All that Linux 5.12 has, the oldest that `make_read_only` works on."""

# x86_64 numbers; `probe` refuses other machines.
_NR_PIVOT_ROOT = 155
_NR_KCMP, _KCMP_VM = 312, 1
_NR_CLOSE_RANGE, _CLOSE_RANGE_CLOEXEC = 436, 4
_NR_MOUNT_SETATTR = 442

# PyDLL keeps the interpreter lock: nothing here blocks, and a clone must not let other threads in.
_libc = ctypes.PyDLL(None, use_errno=True)
# Looked up here and not where they are used: in a clone that would copy a hundred pages.
_syscall, _mount, _prctl, _capset = _libc.syscall, _libc.mount, _libc.prctl, _libc.capset
_waiting_syscall = ctypes.CDLL(None).syscall
"""Lets other threads run meanwhile."""
before_fork, put_right = ctypes.pythonapi.PyOS_BeforeFork, ctypes.pythonapi.PyOS_AfterFork_Child
"""What os.fork() does before the call, and after it in the child, so that all of Python works there."""
ADDRESS_OF_FORK = ctypes.cast(_libc.fork, ctypes.c_void_p).value
_libc.mmap.restype = ctypes.c_void_p
_ulong = ctypes.c_ulong
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4
_MAP_PRIVATE, _MAP_ANONYMOUS = 2, 32
_MAP_FAILED = ctypes.c_void_p(-1).value


class SockFprog(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


CAP_HEADER = _CapHeader(_CAPABILITY_VERSION_3, 0)
NO_CAPABILITIES = (ctypes.c_uint32 * 6)()


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(name: str, *arguments: int | bytes) -> int:
    """A function of the C library that is a system call, by its name. Arguments that are not given are 0."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    long = (ctypes.c_long(each) if isinstance(each, int) else each for each in padded)
    return _check(getattr(_libc, name)(*long), name)


def executable(code: bytes) -> int:
    """The address of a read-only copy of this machine code, which is never freed."""
    size = len(code)
    address: int = _libc.mmap(
        None, _ulong(size), _PROT_READ | _PROT_WRITE, _MAP_PRIVATE | _MAP_ANONYMOUS, -1, _ulong(0)
    )
    _check(-1 if address in (None, _MAP_FAILED) else 0, "mmap")
    ctypes.memmove(address, code, size)
    _check(_libc.mprotect(ctypes.c_void_p(address), _ulong(size), _PROT_READ | _PROT_EXEC), "mprotect")
    return address


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    result = _mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        _ulong(flags),
        options.encode() if options else None,
    )
    _check(result, f"mount {source} on {target}")


def make_read_only(target: str, *, devices: bool = False) -> None:
    """Read-only, no set-uid, no devices, for the mount at `target` and all mounts below it (Linux 5.12).

    devices: they can be used still, and written to; only the files that stand for them cannot be changed.
    """
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV))
    result = _syscall(
        _NR_MOUNT_SETATTR,
        _AT_FDCWD,
        target.encode(),
        _AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    _check(result, f"mount_setattr {target}")


def pivot_into(root: str) -> None:
    """Make `root`, a mount point, the root directory, and let go of the old one."""
    os.chdir(root)
    _check(_syscall(_NR_PIVOT_ROOT, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent dies. A change of user ids clears it, so call it after that."""
    _check(_prctl(PR_SET_PDEATHSIG, _ulong(signal.SIGKILL), 0, 0, 0), "prctl PDEATHSIG")


def set_dumpable(dumpable: bool) -> None:
    """A process that is not dumpable cannot be traced, or its memory opened, by its own user."""
    _check(_prctl(PR_SET_DUMPABLE, _ulong(dumpable), 0, 0, 0), "prctl DUMPABLE")


def same_memory(one: int, other: int) -> bool:
    """Whether these two threads are in one memory; False where we may not know. Waits for who executes a program."""
    return bool(_waiting_syscall(_NR_KCMP, one, other, _KCMP_VM, 0, 0) == 0)


def close_on_execution(first: int) -> None:
    """Whatever is open from this descriptor on does not outlive an exec. (gVisor's kernel may not know how.)"""
    _syscall(_NR_CLOSE_RANGE, first, 1 << 16, _CLOSE_RANGE_CLOEXEC)


def become_subreaper() -> None:
    """Orphans below us become our children."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, _ulong(1), 0, 0, 0), "prctl CHILD_SUBREAPER")


def drop_capabilities() -> None:
    _check(_capset(ctypes.byref(CAP_HEADER), NO_CAPABILITIES), "capset")
