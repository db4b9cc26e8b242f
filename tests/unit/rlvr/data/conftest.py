"""Recipes with a teacher whose answers a test writes."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.recipe import DataConfig, Recipe
from rlvr.data.record import Call
from rlvr.data.request import Reply, Request
from rlvr.data.run import Here, Run

Rows = list[dict[str, Any]]
Answer = Callable[[str, str, Request], str | Reply]
"""Role, the text asked, and the request -> the answer."""


@dataclass
class Made:
    """What a recipe wrote, and what it asked."""

    files: dict[str, Rows]
    manifest: dict[str, Any]
    asked: list[tuple[str, str]]


@dataclass
class Scripted:
    """Satisfies `Asker`."""

    answer: Answer
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]:
        text = request.prompt if request.messages is None else request.messages[-1]["content"]
        assert text is not None
        self.asked.append((teacher, text))
        given = self.answer(teacher, text, request)
        reply = Reply(given) if isinstance(given, str) else given
        key, sampling = request.key(teacher, "m"), request.sampling.sent()
        return reply, Call(key, teacher, "m", sampling, reply.finish_reason, reply.usage)


@pytest.fixture
def produce(tmp_path: Path) -> Callable[..., Made]:
    """Runs a recipe, with a teacher that answers as the test says, below a folder named `out`."""

    def run(recipe: type[Recipe], answer: Answer, out: str = "out", shards: Here = Here(), **settings: Any) -> Made:
        config: DataConfig = recipe.Config.model_validate({"out": tmp_path / out, **settings})
        teacher = Scripted(answer)
        outcome = asyncio.run(Run(recipe(config), config.seed, config.out, teacher, shards).finish())
        assert outcome.manifest["complete"]
        files = {name: rows(config.out / f"{name}.jsonl") for name in outcome.manifest["files"]}
        return Made(files, outcome.manifest, teacher.asked)

    return run


def rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Rows], Path]:
    """Writes rows as JSONL."""

    def written(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written


@pytest.fixture
def teacher() -> dict[str, str]:
    """A section of a configuration that names some teacher."""
    return {"kind": "openai", "url": "http://nobody/v1", "model": "m"}
