"""What runs inside the grader's worker processes; `nursery.py` is the side that starts and kills them.

One nursery process is started clean (exec, never a fork of the trainer), imports the verifiers, and forks a worker
whenever the grader asks: a killed worker is replaced in milliseconds, and nothing of the trainer's memory, threads or
locks is in it. Nursery and workers die with the process that started them.

Jobs come pickled, one a frame, from the trusted side only; replies go back as JSON. The memory limit is set here, the
time limits are kept in `workers.py`.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import io
import os
import pickle
import resource
import signal
import socket
import struct
from typing import NoReturn

from verifiers.base import Verdict, VerifierError
from verifiers.call import HOST_CONTROL, BadInput, ajudge, is_async, judge, one_line, prepare
from verifiers.catalogue import load

LENGTH = struct.Struct("!I")
OUT_OF_MEMORY = b"M"
"""The reply of a worker that met its memory limit and is about to exit."""

FATAL = (*HOST_CONTROL, MemoryError)
PR_SET_PDEATHSIG = 1


def nursery(control_fd: int, parent: int, memory_mb: int) -> None:
    """Serve `load NAME`, `fork` (with a socket attached) and `end PID` until the grader closes the control socket."""
    _die_with(parent)
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # an ignored SIGCHLD is inherited through exec, and nothing to wait for
    with socket.socket(fileno=control_fd) as control:
        while True:
            message, attached, _, _ = socket.recv_fds(control, 4096, 1)
            for descriptor in attached:
                os.set_inheritable(descriptor, False)  # nor for what a verifier starts
            command, _, argument = message.decode().partition(" ")
            if command == "load":
                control.send(_load(argument).encode())
            elif command == "fork":
                control.send(str(_fork(control, attached[0], memory_mb)).encode())
            elif command == "end":
                control.send(_end(int(argument)).encode())
            else:
                return


def _load(name: str) -> str:
    """Import a verifier, and the heavy modules it names, before the fork, so that no worker has to."""
    # A plug-in that cannot be loaded is reported by the job that names it.
    with contextlib.suppress(LookupError, VerifierError, ImportError):
        for module in getattr(load(name), "preload", ()):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the shared pages
    return "ok"


def _fork(control: socket.socket, link_fd: int, memory_mb: int) -> int:
    me = os.getpid()
    pid = os.fork()
    if pid:
        os.close(link_fd)
        return pid
    control.close()
    return _work(link_fd, me, memory_mb)


def _end(pid: int) -> str:
    """Kill and reap a worker, and say how it had ended."""
    kill_group(pid)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit {os.WEXITSTATUS(status)}"


def kill_group(pid: int) -> None:
    """SIGKILL for a worker and all it started. Its pid stays its own until the nursery has reaped it."""
    for kill in (os.killpg, os.kill):  # it may not have come to setsid() yet
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)


def _work(link_fd: int, parent: int, memory_mb: int) -> NoReturn:
    """The life of a worker: batches of jobs in, one verdict a job out, until the link closes."""
    status = 1
    try:
        os.setsid()
        _die_with(parent)
        limit = memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with socket.socket(fileno=link_fd) as link:
            _serve(link)
        status = 0
    finally:
        os._exit(status)


def _serve(link: socket.socket) -> None:
    with link.makefile("rwb") as stream:
        try:
            while job := read_frame(stream):
                reply = _reply(job)
                stream.write(LENGTH.pack(len(reply)) + reply)
                stream.flush()
        except MemoryError:  # what is left of this process is not to be trusted with another answer
            link.sendall(LENGTH.pack(len(OUT_OF_MEMORY)) + OUT_OF_MEMORY)


def _reply(job: bytes) -> bytes:
    try:
        name, response, reference, params = pickle.loads(job)
        call = prepare(load(name), response, reference, params)
        verdict = asyncio.run(ajudge(call, FATAL)) if is_async(call.verifier) else judge(call, FATAL)
    except BadInput as error:
        verdict = Verdict.error(error.code, details={"message": str(error)})
    except MemoryError:
        raise
    except Exception as error:  # process boundary: whatever is wrong with this job must not cost the worker
        verdict = Verdict.error(one_line(error))
    return verdict.model_dump_json().encode()


def read_frame(stream: io.BufferedRWPair) -> bytes:
    """The next frame, empty at the end of the stream."""
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""
