"""The seccomp profiles of containers in the engine's format, from the same table as the process backend's filter."""

import errno
import itertools
from typing import Any

from sandbox.process import seccomp

_ALLOW, _REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
_FOR_OURSELVES = (22, 24)
"""PR_SET_SECCOMP and PR_CAPBSET_DROP: the supervisor's, before it lets a program begin."""
_FOR_WALLS = ("unshare", "mount", "umount2", "pivot_root", "mount_setattr", "sethostname", "clone")
_ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"]


def seccomp_profile(walls: bool) -> dict[str, Any]:
    """An allowlist in the engine's own format. walls: whether the container builds namespaces of its own inside."""
    names = [*seccomp.ALLOWED, *(_FOR_WALLS if walls else ())]
    entries: list[dict[str, Any]] = [{"names": sorted(names), "action": _ALLOW}]
    for name, call in seccomp.BY_ARGUMENT.items():
        if name not in names:
            ours = _FOR_OURSELVES if name == "prctl" else ()
            for arguments in itertools.product(*(_conditions(test, ours) for test in call.tests)):
                entries.append({"names": [name], "action": _ALLOW, "args": list(arguments)})
    entries.append({"names": sorted(seccomp.WITHOUT_EFFECT), "action": _REFUSE, "errnoRet": 0})
    # The C library falls back to clone, whose flags a filter can read.
    entries.append({"names": ["clone3"], "action": _REFUSE, "errnoRet": errno.ENOSYS})
    return {
        "defaultAction": _REFUSE,
        "defaultErrnoRet": errno.EPERM,
        "architectures": _ARCHITECTURES,
        "syscalls": entries,
    }


def _conditions(test: seccomp.Test, ours: tuple[int, ...]) -> list[dict[str, Any]]:
    """Any of these lets the argument pass. An engine takes one condition for each argument."""
    told = [(value, 0, "SCMP_CMP_EQ") for value in test.only + (ours if test.only else ())]
    told += [(mask, value, "SCMP_CMP_MASKED_EQ") for mask, value in test.bits]
    if test.below:
        told.append((test.below, 0, "SCMP_CMP_LT"))
    if test.never:
        least, most = min(test.never), max(test.never)
        told += [(least, 0, "SCMP_CMP_LT"), (most, 0, "SCMP_CMP_GT")]
        told += [(value, 0, "SCMP_CMP_EQ") for value in range(least, most) if value not in test.never]
    return [{"index": test.argument, "value": value, "valueTwo": two, "op": compare} for value, two, compare in told]
