"""The answers that another run was given, from its response log: its data again, or other filters on them."""

from rlvr.data.log import Replies
from rlvr.data.request import Reply, Request
from rlvr.data.teachers.config import ReplayTeacher
from rlvr.errors import UserError


class Replay:
    """Satisfies `Teacher`."""

    def __init__(self, role: str, config: ReplayTeacher) -> None:
        if not config.log.is_file():
            raise UserError(f"teacher log: expected a run's responses.jsonl, found no file {config.log}")
        self.role, self.config = role, config
        self._replies = Replies(config.log)

    async def ask(self, request: Request, seed: int) -> Reply:
        reply = self._replies.get(request.key(self.role, self.config.model))
        if reply is None:
            raise UserError(
                f"teacher log: {self.config.log} has no answer of {self.config.model} to this request; the other run "
                "must have the same recipe, seed and settings"
            )
        return reply

    async def close(self) -> None:
        self._replies.close()
