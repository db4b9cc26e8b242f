"""The finished rounds of a run in one append-only file, and the files made of them.

A round is there once the line that ends it is; what a kill left after the last such line is cut off. The files for
people and for training are written aside and renamed.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rlvr.data.canonical import line
from rlvr.data.recipe import Done
from rlvr.data.record import Record

ROUNDS = "rounds.jsonl"
REJECTED = "rejected"
MANIFEST = "manifest.json"


class Rounds:
    """Reads what is finished when opened; `done` grows with each `add`."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.path = out / ROUNDS
        self.done, end = _read(self.path)
        self._file = self.path.open("ab")
        self._file.truncate(end)

    def add(self, records: Iterable[Record]) -> None:
        """Durably end a round with these records."""
        kept = list(records)
        for record in kept:
            self._file.write(line(record.row()).encode())
        self._file.write(line({"round": self.done.rounds, "records": len(kept)}).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done.add(kept)

    def close(self) -> None:
        self._file.close()


def read(out: Path) -> Done:
    """The finished rounds of a run, which may be going on."""
    return _read(out / ROUNDS)[0]


def manifest(out: Path) -> dict[str, Any]:
    """What the run wrote last; empty when it has not come to that."""
    path = out / MANIFEST
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _read(path: Path) -> tuple[Done, int]:
    """What is finished, and the length of the file up to there."""
    done, end, offset = Done(), 0, 0
    if not path.exists():
        return done, end
    pending: list[Record] = []
    with path.open("rb") as file:
        for text in file:
            offset += len(text)
            if not text.endswith(b"\n"):
                break
            row = json.loads(text)
            if "id" in row:
                pending.append(Record.of(row))
                continue
            done.add(pending)
            pending, end = [], offset
    return done, end


def write_files(out: Path, done: Done, files: Mapping[str, Iterable[Record]], about: dict[str, Any]) -> dict[str, Any]:
    """The files, the rejected records and the manifest, which is returned."""
    written = {name: _write_records(out / f"{name}.jsonl", records) for name, records in files.items()}
    written[REJECTED] = _write_records(out / f"{REJECTED}.jsonl", done.rejected)
    reasons: dict[str, int] = {}
    for record in done.rejected:
        reasons[str(record.rejected)] = reasons.get(str(record.rejected), 0) + 1
    described = {
        **about,
        "rounds": done.rounds,
        "kept": len(done.kept),
        "rejected": dict(sorted(reasons.items())),
        "files": written,
    }
    write(out / MANIFEST, json.dumps(described, indent=2, ensure_ascii=False) + "\n")
    return described


def _write_records(path: Path, records: Iterable[Record]) -> dict[str, Any]:
    sha, count, aside = hashlib.sha256(), 0, path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        for record in records:
            data = line(record.row()).encode()
            sha.update(data)
            file.write(data)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return {"records": count, "sha256": sha.hexdigest()}


def write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text)
    aside.replace(path)
