"""The sandbox that all code verifiers of a process share. Opened at first use, closed when the process ends."""

import atexit
import os
import threading

from sandbox import Sandbox, open_sandbox
from verifiers.code.run import guest_modules

_lock = threading.Lock()
_opened: dict[int, Sandbox] = {}
"""By process id: a forked child must neither use nor close what its parent opened."""


def shared_sandbox() -> Sandbox:
    """Raises SandboxUnavailable when this machine cannot run untrusted programs safely."""
    with _lock:
        if os.getpid() not in _opened:
            _opened[os.getpid()] = open_sandbox("process", kept=guest_modules())
            atexit.register(close_shared)
        return _opened[os.getpid()]


def close_shared() -> None:
    with _lock:
        sandbox = _opened.pop(os.getpid(), None)
    if sandbox is not None:
        sandbox.close()
