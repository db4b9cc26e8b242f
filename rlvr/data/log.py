"""The response log: one append-only file of everything that was asked of teachers, and what it cost.

Three kinds of rows: `sent` before an attempt goes out (with what it may cost at most), then `reply` or `failed`. What
was sent and has no end when the log is opened again was under way at a kill; it counts as spent in full. A reply is
given out only once it is on the disk, so that nothing that had an effect is ever asked twice.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data.canonical import line
from rlvr.data.request import Reply
from rlvr.errors import UserError
from rlvr.records.folder import hold

LOG = "responses.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `kind` is `sent`, `reply` or `failed`."""

    kind: str
    key: str
    teacher: str
    row: dict[str, Any]


class Replies:
    """The replies of a log, for reading. In memory is where each stands, not what it says."""

    def __init__(self, path: Path) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self.end = 0
        """Of the last whole row."""
        for entry, start, length in _entries(path):
            self.end = start + length
            if entry.kind == "reply":
                self.places[entry.key] = (start, length)
        self._file = os.open(path, os.O_RDONLY)

    def get(self, key: str) -> Reply | None:
        """The answer to the request of that key, if it was ever given."""
        if key not in self.places:
            return None
        start, length = self.places[key]
        return Reply.of(json.loads(os.pread(self._file, length, start))["reply"])

    def close(self) -> None:
        os.close(self._file)


class ResponseLog:
    """Appends rows, and knows the replies. One process at a time."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._file = os.open(out / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            hold(self._file, out)
        except UserError:
            os.close(self._file)
            raise
        self.replies = Replies(out / LOG)
        self._end = self._synced = self.replies.end
        os.ftruncate(self._file, self._end)
        self._sync: asyncio.Task[None] | None = None

    def sent(self, key: str, teacher: str, reserved: dict[str, Any]) -> None:
        """An attempt goes out, and may cost that much."""
        self._append({"sent": key, "teacher": teacher, "reserved": reserved})

    def failed(self, key: str, teacher: str, reason: str, spent: dict[str, Any]) -> None:
        """It gave no answer, and cost that much."""
        self._append({"failed": key, "teacher": teacher, "reason": reason, "spent": spent})

    async def replied(
        self, key: str, teacher: str, request: dict[str, Any], reply: Reply, spent: dict[str, Any]
    ) -> None:
        """It gave this answer. Returns once that is on the disk; answers that come together share the wait."""
        place = self._append({"key": key, "teacher": teacher, "request": request, "reply": reply.row(), "spent": spent})
        while self._synced < sum(place):
            if self._sync is None:
                self._sync = asyncio.create_task(self._flush())
            await asyncio.shield(self._sync)
        self.replies.places[key] = place

    def close(self) -> None:
        self.replies.close()
        os.close(self._file)

    def _append(self, row: dict[str, Any]) -> tuple[int, int]:
        """Where it stands. One write a row: a kill leaves a row whole, or as the file's unfinished last line."""
        data, start = line(row).encode(), self._end
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._end += len(data)
        return start, len(data)

    async def _flush(self) -> None:
        upto = self._end
        await asyncio.to_thread(os.fsync, self._file)
        self._synced, self._sync = upto, None


def entries(out: Path) -> Iterator[Entry]:
    """The rows so far, in their order; none when nothing was asked. Readable while a run goes on."""
    for entry, _, _ in _entries(out / LOG):
        yield entry


def _entries(path: Path) -> Iterator[tuple[Entry, int, int]]:
    """Each whole row, where it starts and how long it is."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as file:
        for data in file:
            if not data.endswith(b"\n"):
                return
            row = json.loads(data)
            kind = next(name for name in ("sent", "failed", "key") if name in row)
            yield Entry("reply" if kind == "key" else kind, row[kind], row["teacher"], row), start, len(data)
            start += len(data)
