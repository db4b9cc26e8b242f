"""A thread that looks where others can keep whoever looks waiting, for one that cannot wait.

The kernel shows most of a process only to who waits while it executes a program or gives its memory back, and a program
can make that take seconds.
"""

import _thread
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Lookout:
    """Answers one question at a time. Without `threading`, which a fork server would hand on to all programs."""

    def __init__(self) -> None:
        """Raises RuntimeError where there can be no more threads."""
        self._asked, self._answered = _thread.allocate_lock(), _thread.allocate_lock()
        self._asked.acquire()
        self._answered.acquire()
        self._question: Callable[[], object] | None = None
        self._answer: object = None
        self._failure: Exception | None = None
        self._since = 0.0
        _thread.start_new_thread(self._serve, ())

    def ask(self, question: Callable[[], T], otherwise: T, patience_s: float) -> T:
        """Its answer; `otherwise` if that, or the one before, takes longer than `patience_s`. Raises what it raised."""
        if self._question is not None and not self._is_answered(patience_s):
            return otherwise
        self._question, self._since, self._failure = question, time.monotonic(), None
        self._asked.release()
        if not self._is_answered(patience_s):
            return otherwise
        if self._failure is not None:
            raise self._failure
        return self._answer  # type: ignore[return-value]

    def waits_for_s(self) -> float:
        """How long the question that is open has been, in seconds."""
        return time.monotonic() - self._since if self._question is not None else 0.0

    def _is_answered(self, patience_s: float) -> bool:
        # Once more, for it may have come while we waited for the processor.
        if not (self._answered.acquire(timeout=patience_s) or self._answered.acquire(blocking=False)):
            return False
        self._question = None
        return True

    def _serve(self) -> None:
        while True:
            self._asked.acquire()
            assert self._question is not None
            try:
                self._answer = self._question()
            except Exception as error:  # for who asks
                self._failure = error
            self._answered.release()
