"""Long batches as resources: hand one in, come back for its verdicts. `POST /v1/batches` and what follows from it.

A batch lives in a folder of its own: its status, rewritten every second, and its verdicts as they come. So any
process that sees the folder can answer for it; the one that judges it notices when it is called off. A batch whose
process ended is `failed` within seconds, and can be handed in again: what was judged before is in the cache.
"""

import asyncio
import contextlib
import json
import logging
import re
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel

from verifiers.admission import BUSY_S
from verifiers.base import Status
from verifiers.call import Item
from verifiers.judging import Service
from verifiers.problems import Problem

LOG = logging.getLogger(__name__)
TICK_S = 1.0
SILENT_S = 10.0
"""Without a sign of life for so long, whoever judged a batch is gone."""
KEPT_S = 3600.0
"""How long a batch is kept after its end."""
CHUNK = 64
CHUNKS_AT_ONCE = 4
NO_LIMIT_S = 7 * 86_400.0
"""Each item has a time limit of its own; a batch has none."""


class BatchStatus(BaseModel):
    """How far a batch is. `verdicts` counts by status."""

    id: str
    state: Literal["running", "done", "cancelled", "failed"]
    total: int
    judged: int = 0
    verdicts: dict[Status, int] = {}


@dataclass
class _Batch:
    """One that this process judges."""

    key: str
    items: list[Item]
    folder: Path
    results: IO[bytes]
    task: asyncio.Task[None] | None = None
    verdicts: Counter[Status] = field(default_factory=Counter)
    state: Literal["running", "done", "cancelled", "failed"] = "running"

    def status(self) -> BatchStatus:
        judged = self.verdicts.total()
        return BatchStatus(
            id=self.folder.name, state=self.state, total=len(self.items), judged=judged, verdicts=dict(self.verdicts)
        )

    def save(self) -> None:
        self.results.flush()
        row = {"key": self.key, **self.status().model_dump()}
        (self.folder / "status.new").write_text(json.dumps(row))
        (self.folder / "status.new").replace(self.folder / "status.json")


class Batches:
    """All batches below a folder, and those of them that this process judges. Without a folder, one of its own."""

    def __init__(self, service: Service, folder: Path | None) -> None:
        self._service = service
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="rlvr-batches-")
        self._folder = folder or Path(self._own.name if self._own else "")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, _Batch] = {}

    def submit(self, key: str, items: list[Item]) -> BatchStatus:
        """Take on a batch. Raises Problem 413 for one that is too long, 429 when there are too many."""
        limits = self._service.limits
        if len(items) > limits.batch_items:
            raise Problem(413, f"{len(items)} items in one batch; send at most {limits.batch_items}", "too-many-items")
        if len(self._running) >= limits.batches:
            raise Problem(429, f"{len(self._running)} batches are under way; try again", "queue-full", headers=BUSY_S)
        folder = self._folder / secrets.token_hex(16)
        folder.mkdir()
        batch = _Batch(key, items, folder, (folder / "results.jsonl").open("wb"))
        batch.save()
        self._running[folder.name] = batch
        batch.task = asyncio.create_task(self._judge(batch))
        batch.task.add_done_callback(lambda task: self._end(batch, task))
        return batch.status()

    async def _judge(self, batch: _Batch) -> None:
        size = min(CHUNK, self._service.queue.most(batch.key))
        chunks = (batch.items[start : start + size] for start in range(0, len(batch.items), size))
        async with asyncio.TaskGroup() as group:
            for _ in range(CHUNKS_AT_ONCE):
                group.create_task(self._work_off(batch, chunks))

    def _end(self, batch: _Batch, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            batch.state = "cancelled" if (batch.folder / "cancelled").exists() else "failed"
        else:
            error = task.exception()
            batch.state = "failed" if error else "done"
            if error:
                LOG.error("batch %s failed", batch.folder.name, exc_info=error)
        batch.save()
        batch.results.close()
        del self._running[batch.folder.name]

    async def _work_off(self, batch: _Batch, chunks: Iterator[list[Item]]) -> None:
        queue = self._service.queue
        for chunk in chunks:
            await queue.wait(batch.key, len(chunk))
            try:
                async for _, verdict in self._service.verdicts(chunk, NO_LIMIT_S, batch.key):
                    batch.results.write(verdict.model_dump_json().encode() + b"\n")
                    batch.verdicts[verdict.status] += 1
            finally:
                queue.leave(batch.key, len(chunk))

    def find(self, id: str, key: str) -> BatchStatus:
        """Raises Problem 404 for a batch that is not there, or not the key's."""
        if id in self._running and self._running[id].key == key:
            return self._running[id].status()
        file = self._folder / id / "status.json"
        with contextlib.suppress(OSError):
            if re.fullmatch("[0-9a-f]{32}", id) and (row := json.loads(file.read_text())).pop("key") == key:
                status = BatchStatus.model_validate(row)
                silent = time.time() - file.stat().st_mtime > SILENT_S
                return status.model_copy(update={"state": "failed"} if silent and status.state == "running" else {})
        raise Problem(404, f"no batch {id!r}: they are kept for {KEPT_S / 60:g} minutes after their end", "no-batch")

    async def wait(self, id: str, key: str, seconds: float) -> BatchStatus:
        """The status at the batch's end, or after so many seconds."""
        end = time.monotonic() + seconds
        while (status := self.find(id, key)).state == "running" and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # it may be a sibling who judges it
        return status

    def results(self, id: str, key: str, after: int) -> Iterator[bytes]:
        """Verdicts so far, one a line, without the first `after`."""
        self.find(id, key)
        if id in self._running:
            self._running[id].results.flush()
        with (self._folder / id / "results.jsonl").open("rb") as lines:
            yield from (line for number, line in enumerate(lines) if number >= after and line.endswith(b"\n"))

    def cancel(self, id: str, key: str) -> None:
        """Stop judging a batch; one that has ended is forgotten."""
        if self.find(id, key).state == "running":
            (self._folder / id / "cancelled").touch()
            self._call_off()
        else:
            shutil.rmtree(self._folder / id, ignore_errors=True)

    async def keep(self) -> None:
        """Signs of life, calling off, and cleaning up, as long as the service runs."""
        while True:
            self._call_off()
            for batch in self._running.values():
                batch.save()
            for file in self._folder.glob("*/status.json"):
                with contextlib.suppress(OSError):  # a sibling was faster
                    if time.time() - file.stat().st_mtime > KEPT_S:
                        shutil.rmtree(file.parent, ignore_errors=True)
            await asyncio.sleep(TICK_S)

    def _call_off(self) -> None:
        for batch in self._running.values():
            if batch.task and (batch.folder / "cancelled").exists():
                batch.task.cancel()

    async def close(self) -> None:
        """End what is under way; it is `failed`."""
        tasks = [batch.task for batch in self._running.values() if batch.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._own:
            self._own.cleanup()
