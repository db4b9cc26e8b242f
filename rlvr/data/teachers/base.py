"""What a teacher promises: an answer to a request, or why there is none. Pace, retries and money are the caller's."""

from typing import Protocol

from rlvr.data.request import Reply, Request


class Again(Exception):
    """No answer this time; another attempt may have one."""

    def __init__(self, reason: str, after_s: float | None = None, busy: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s
        """When the teacher asks to be left alone until then."""
        self.busy = busy
        """It has too much to do."""
        self.lost = lost
        """It may have done the work, and may charge for it."""


class Teacher(Protocol):
    """One model behind some interface. `ask` may be called many times at once."""

    async def ask(self, request: Request, seed: int) -> Reply:
        """The answer. `seed` is for teachers that can sample from one. Raises Again; UserError for a wrong set-up."""
        ...

    async def close(self) -> None: ...
