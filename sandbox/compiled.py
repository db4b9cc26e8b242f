"""What compilers made, kept so that a program with many tests is compiled once."""

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from sandbox.base import RunRequest, RunResult

_MOST_BYTES = 256 << 20
_Made = bytes | RunResult


class Compiled:
    """Artifacts and compilers' verdicts by program; the least recently used go first. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._made: OrderedDict[bytes, Future[_Made]] = OrderedDict()

    def get(self, request: RunRequest, make: Callable[[], _Made]) -> _Made:
        """The artifact, or the result of a compilation that failed. Whoever comes second waits for the first."""
        key = _key(request)
        while True:
            with self._guard:
                future = self._made.get(key)
                first = future is None
                if future is None:
                    future = self._made[key] = Future()
                self._made.move_to_end(key)
            if first:
                self._settle(key, future, make)
            with contextlib.suppress(CancelledError):  # an interrupt ended the first, which is no affair of ours
                return future.result()

    def _settle(self, key: bytes, future: Future[_Made], make: Callable[[], _Made]) -> None:
        try:
            made = make()
        except BaseException:
            self._forget(key)  # first: `_trim` asks all that are done for what they made
            future.cancel()
            raise
        if isinstance(made, RunResult) and not _is_verdict(made):
            self._forget(key)
        future.set_result(made)
        self._trim()

    def _forget(self, key: bytes) -> None:
        with self._guard:
            self._made.pop(key, None)

    def _trim(self) -> None:
        with self._guard:
            done = {key: future.result() for key, future in self._made.items() if future.done()}
            size = sum(len(made) for made in done.values() if isinstance(made, bytes))
            for key, made in done.items():
                if size <= _MOST_BYTES:
                    return
                size -= len(made) if isinstance(made, bytes) else 0
                del self._made[key]


def _is_verdict(failed: RunResult) -> bool:
    """Whether it says something of the program: no one else's signal ended the compiler, and no artifact was lost."""
    return failed.status == "compile_error" and failed.signal is None and failed.exit_code != 0


def _key(request: RunRequest) -> bytes:
    digest = hashlib.sha256()
    room = str(request.limits.file_mb)  # an artifact that does not fit into it is a compile error
    parts = [request.language.encode(), room.encode(), request.code.encode(errors="surrogatepass")]
    for name, content in sorted(request.files.items()):
        parts += [name.encode(errors="surrogateescape"), content]
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
