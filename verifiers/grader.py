"""Judge responses: the right place for each verifier, time limits, retries, and the cache.

Where a verifier runs is its own declaration. `inline` work is done by the caller, there and then. `process` work goes
through the verifier's `fast` path by the caller, and what that leaves, to killable workers. Coroutines (`sandbox`
verifiers among them) run on the grader's own event loop, so that one grader serves any thread and any loop.

A verdict never lies about who failed: `undecided` is the answer's own doing, `error` is ours. No signals, and no
threads for time limits. What a verdict is worth to a trainer is not decided here.
"""

import asyncio
import os
import threading
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

from pydantic_core import PydanticSerializationError

from verifiers.background import Background, Work
from verifiers.base import Verdict, VerifierError
from verifiers.call import BadInput, Call, Item, is_async, judge, judge_fast, prepare
from verifiers.catalogue import load
from verifiers.workers import PoolStats

BACKSTOP_S = 600.0
"""For coroutines that hang. What they wait for, programs in the sandbox or other services, has tighter limits."""
PAUSE_S = 0.01
"""A batch lets the event loop breathe after this much inline work."""
WINDOW = 4096
"""At most this many items of a batch wait for workers at once, however long the batch."""


@dataclass(frozen=True, slots=True)
class GraderStats:
    """Counters since the grader was made (in this process), and two gauges."""

    verdicts: dict[tuple[str, str], int]
    """(verifier, status) -> how many."""
    cached: int
    """How many of these came from the cache."""
    waiting: int
    """Jobs that wait for a worker just now."""
    running: int
    """Items under way on the grader's loop just now, waiting ones included."""
    workers: PoolStats


class Grader:
    """Judges items, from any thread and any event loop, and again after a fork. Close it, or use it in `with`.

    `workers`: killable processes, and half the number of sandbox verifiers at a time; one a CPU by default.
    `deadline_s`: seconds for one item in a worker. A verifier may set a `deadline_s` of its own.
    `memory_mb`: address space of one worker in MiB.
    `cache_size`: verdicts kept; 0 keeps none.
    """

    def __init__(
        self, workers: int | None = None, deadline_s: float = 10.0, memory_mb: int = 1024, cache_size: int = 20_000
    ) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._deadline_s = deadline_s
        self._memory_mb = memory_mb
        self._cache_size = cache_size
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._cache: OrderedDict[bytes, Verdict] = OrderedDict()
        self._verdicts: Counter[tuple[str, str]] = Counter()
        self._hits = 0
        self._background: Background | None = None

    def check(self, verifier: str, reference: Any, params: dict[str, Any] | None = None) -> None:
        """Raise LookupError for an unknown verifier, ValueError for a reference or parameters it cannot read.

        VerifierError means that the verifier is installed but broken. Each message is one line.
        """
        prepare(load(verifier), "", reference, params)

    async def grade(self, item: Item) -> Verdict:
        """The verdict on one response. Never raises for what is in the item: that is an `error` verdict."""
        found = self._settle_here(item)
        return (
            found if isinstance(found, Verdict) else self._finish(found, await asyncio.wrap_future(self._submit(found)))
        )

    def grade_sync(self, item: Item) -> Verdict:
        """`grade` for callers without an event loop; it blocks until the verdict is there."""
        found = self._settle_here(item)
        if isinstance(found, Verdict):
            return found
        if self._background and self._background.is_here():
            raise RuntimeError(
                "a coroutine verifier must not call verify(), which blocks; use `await averify(...)` there"
            )
        return self._finish(found, self._submit(found).result())

    async def grade_many(self, items: Iterable[Item]) -> list[Verdict]:
        """One verdict an item, in the items' order."""
        verdicts = {index: verdict async for index, verdict in self.completed(items)}
        return [verdicts[index] for index in range(len(verdicts))]

    async def completed(self, items: Iterable[Item], owner: str = "") -> AsyncGenerator[tuple[int, Verdict], None]:
        """(position, verdict) as the verdicts come. Leaving the iteration early gives up the rest.

        Work that has to wait for a worker or the sandbox comes in turn by `owner`.
        """
        arrived: asyncio.Queue[asyncio.Future[Verdict]] = asyncio.Queue()
        pending: dict[asyncio.Future[Verdict], tuple[int, Work]] = {}

        async def next_arrival() -> tuple[int, Verdict]:
            future = await arrived.get()
            index, work = pending.pop(future)
            return index, self._finish(work, future.result())

        try:
            breath = time.monotonic()
            for index, item in enumerate(items):
                found = self._settle_here(item, owner)
                if isinstance(found, Verdict):
                    yield index, found
                else:
                    future = asyncio.wrap_future(self._submit(found))
                    pending[future] = index, found
                    future.add_done_callback(arrived.put_nowait)
                if time.monotonic() - breath > PAUSE_S:
                    await asyncio.sleep(0)
                    breath = time.monotonic()
                while not arrived.empty() or len(pending) >= WINDOW:
                    yield await next_arrival()
            while pending:
                yield await next_arrival()
        finally:
            for future in pending:
                future.cancel()

    def stats(self) -> GraderStats:
        self._follow_fork()
        with self._lock:
            background = self._background
            verdicts, hits = dict(self._verdicts), self._hits
        if background is None:
            return GraderStats(verdicts, hits, 0, 0, PoolStats())
        return GraderStats(verdicts, hits, background.pool.waiting, background.running, background.pool.stats)

    def close(self) -> None:
        """End the workers. What is still under way becomes `error`."""
        self._follow_fork()
        self._closed = True
        if self._background:
            self._finalizer()
            self._background = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def _settle_here(self, item: Item, owner: str = "") -> Verdict | Work:
        """What the caller's thread can do: refuse bad input, look into the cache, run bounded work."""
        self._follow_fork()
        try:
            verifier = load(item.verifier)
            call = prepare(verifier, item.response, item.reference, item.params)
        except BadInput as error:
            return self._record(item, Verdict.error(error.code, details={"message": str(error)}))
        except LookupError as error:
            return self._record(item, Verdict.error("unknown_verifier", details={"message": str(error)}))
        except VerifierError as error:
            return self._record(item, Verdict.error("broken_verifier", details={"message": str(error)}))
        key = _key(call) if self._cache_size else None
        if key and (known := self._look_up(key)):
            return self._record(item, known)
        isolation = getattr(verifier, "isolation", "inline")
        verdict: Verdict | None = None
        if isolation == "process":
            verdict = judge_fast(call)
        elif isolation == "inline" and not is_async(verifier):
            verdict = judge(call)
        if verdict:
            return self._record(item, verdict, key)
        return Work(item, call, key, self._deadline_of(call), _CURRENT.get() is self, owner)

    def _deadline_of(self, call: Call) -> float:
        own: float | None = getattr(call.verifier, "deadline_s", None)
        if getattr(call.verifier, "isolation", "inline") == "process":
            return min(own or self._deadline_s, self._deadline_s)
        return own or BACKSTOP_S

    def _submit(self, work: Work) -> Future[Verdict]:
        with self._lock:
            if self._closed:
                raise RuntimeError("this grader is closed")
            if self._background is None:
                self._background = Background(self._workers, self._memory_mb)
                self._finalizer = weakref.finalize(self, self._background.close)
        token = _CURRENT.set(self)  # the coroutine inherits it
        try:
            return self._background.submit(work)
        finally:
            _CURRENT.reset(token)

    def _finish(self, work: Work, verdict: Verdict) -> Verdict:
        return self._record(work.item, verdict, work.key)

    def _record(self, item: Item, verdict: Verdict, key: bytes | None = None) -> Verdict:
        verdict = verdict.model_copy(update={"id": item.id, "verifier": verdict.verifier or item.verifier})
        with self._lock:
            # Names that nobody knows are counted as one: they come from outside, and could be any number.
            label = "unknown" if verdict.reason == "unknown_verifier" else verdict.verifier
            self._verdicts[label, verdict.status] += 1
            self._hits += verdict.cached
            if key and not verdict.cached and verdict.status != "error" and verdict.reason != "time_limit":
                self._cache[key] = verdict  # what hangs on time or luck is tried again
                if len(self._cache) > self._cache_size:
                    self._cache.popitem(last=False)
        return verdict

    def _look_up(self, key: bytes) -> Verdict | None:
        with self._lock:
            verdict = self._cache.get(key)
            if verdict:
                self._cache.move_to_end(key)
        return verdict and verdict.model_copy(update={"cached": True, "elapsed_ms": 0.0})

    def _follow_fork(self) -> None:
        """In a forked child, start afresh: threads do not survive a fork, and the workers are the parent's."""
        if os.getpid() != self._pid:
            _LEFT_BEHIND.append(self._background)
            self._begin()


_CURRENT: ContextVar[Grader | None] = ContextVar("rlvr_grader", default=None)
"""The grader on whose loop the running verifier is: a verifier made of others uses it for these."""
_LEFT_BEHIND: list[Background | None] = []
"""A forked copy of an event loop may not be closed, as it shares the parent's epoll, nor collected, which closes it."""
_SHARED = Grader()


def _key(call: Call) -> bytes | None:
    """What a verdict depends on, hashed. None for a reference that has no JSON form; it is judged every time."""
    digest = blake2b(digest_size=16)
    try:
        params = call.params.model_dump_json() if call.params else ""
        parts = [call.verifier.name, call.verifier.version, params, call.reference.model_dump_json(), call.response]
    except (PydanticSerializationError, UnicodeEncodeError):
        return None
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8) + data)
    return digest.digest()


def verify(name: str, response: str, reference: Any, **params: Any) -> Verdict:
    """Judge one response, from any thread. Raises LookupError or ValueError for a bad name, reference or parameters."""
    item = Item("", name, response, reference, params or None)
    grader = _CURRENT.get() or _SHARED
    grader.check(name, reference, item.params)
    return grader.grade_sync(item)


async def averify(name: str, response: str, reference: Any, **params: Any) -> Verdict:
    """`verify` for coroutines."""
    item = Item("", name, response, reference, params or None)
    grader = _CURRENT.get() or _SHARED
    grader.check(name, reference, item.params)
    return await grader.grade(item)
