"""The core with a small recipe of its own: what is rejected says why, and a kill changes nothing."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import pytest

from rlvr.data.recipe import DataConfig, Done, Recipe
from rlvr.data.record import Call, Record
from rlvr.data.request import Reply, Request, Sampling
from rlvr.data.rounds import ROUNDS, read
from rlvr.data.run import Here, Outcome, Run, Unanswered
from rlvr.data.stage import Ask, Barrier, Each, Stage


def numbers(count: int, records: Sequence[Record], rng: Random) -> Iterable[Record]:
    assert not records
    return [Record({"number": rng.randrange(1000)}, source="here", licence="CC0-1.0") for _ in range(count)]


def even(record: Record, rng: Random) -> Iterable[Record]:
    yield record.check("even", record["number"] % 2 == 0, record["number"] % 2, 0)


def ask_double(record: Record, rng: Random) -> Sequence[Request]:
    return [Request(Sampling(), prompt=f"twice {record['number']}", sample=i) for i in range(2)]


def doubled(record: Record, replies: Sequence[Reply], rng: Random) -> Iterable[Record]:
    if record["number"] % 3:
        for reply in replies:
            yield record.child("double", answer=reply.text, noise=rng.random())


class Doubling(Recipe):
    name, version, Config = "doubling", "1", DataConfig

    def round(self, done: Done) -> Sequence[Stage]:
        if done.rounds == 3:
            return []
        return [Barrier("numbers", partial(numbers, 20)), Each("even", even), Ask("double", ask_double, doubled)]

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        return {"dataset": done.kept}


@dataclass
class Doubler:
    """Answers in an order of its own; `budget` answers and no more."""

    budget: int = 10**6
    asked: list[str] = field(default_factory=list)

    async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]:
        assert request.prompt is not None
        if len(self.asked) >= self.budget:
            raise Unanswered("no more")
        self.asked.append(request.prompt)
        number = int(request.prompt.split()[1])
        for _ in range(number % 5):
            await asyncio.sleep(0)
        reply = Reply(f"{2 * number} ({request.sample})")
        return reply, Call(request.key(teacher, "m"), teacher, "m", request.sampling.sent(), "stop", reply.usage)


def run(out: Path, doubler: Doubler, seed: int = 0) -> Outcome:
    return asyncio.run(Run(Doubling(DataConfig(out=out)), seed, out, doubler, Here()).finish())


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("dataset.jsonl", "rejected.jsonl", "manifest.json")}


def test_every_count_can_be_explained(tmp_path: Path) -> None:
    outcome = run(tmp_path, Doubler())
    rows = [json.loads(line) for line in (tmp_path / "dataset.jsonl").read_text().splitlines()]
    gone = [json.loads(line)["meta"] for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    parents = {parent for row in rows for parent in row["meta"]["parents"]}
    assert len(parents) + len(gone) == 60
    assert len(rows) == 2 * len(parents)
    assert outcome.manifest["complete"]
    assert outcome.manifest["rejected"] == {
        reason: [meta["rejected"] for meta in gone].count(reason) for reason in ("double: nothing came of it", "even")
    }


def test_a_record_says_where_it_comes_from(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    meta = json.loads((tmp_path / "dataset.jsonl").read_text().splitlines()[0])["meta"]
    assert (meta["recipe"], meta["version"], meta["stage"], meta["round"]) == ("doubling", "1", "double", 0)
    assert (meta["source"], meta["licence"], meta["operation"]) == ("here", "CC0-1.0", "double")
    assert [call["model"] for call in meta["calls"]] == ["m", "m"]


def test_ids_differ(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    done = read(tmp_path)
    ids = [record.id for record in done.kept + done.rejected]
    assert len(set(ids)) == len(ids)


def test_records_survive_being_written(tmp_path: Path) -> None:
    run(tmp_path, Doubler())
    for record in read(tmp_path).kept:
        assert Record.of(json.loads(json.dumps(record.row()))) == record


def test_another_seed_gives_other_records(tmp_path: Path) -> None:
    run(tmp_path / "a", Doubler(), seed=0)
    run(tmp_path / "b", Doubler(), seed=1)
    assert contents(tmp_path / "a") != contents(tmp_path / "b")


@pytest.mark.parametrize("cut", range(0, 60000, 5003))
def test_a_run_cut_anywhere_ends_with_the_same_bytes(tmp_path: Path, cut: int) -> None:
    run(tmp_path / "whole", Doubler())
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / ROUNDS).write_bytes((tmp_path / "whole" / ROUNDS).read_bytes()[:cut])
    run(tmp_path / "cut", Doubler())
    assert contents(tmp_path / "whole") == contents(tmp_path / "cut")


def test_what_is_refused_is_rejected_and_never_parsed(tmp_path: Path) -> None:
    @dataclass
    class Strict(Doubler):
        async def ask(self, teacher: str, request: Request) -> tuple[Reply, Call]:
            reply, call = await super().ask(teacher, request)
            strange = request.sample == 0 and int(reply.text.split()[0]) % 5 == 0
            return Reply("too long", "refused") if strange else reply, call

    outcome = run(tmp_path, Strict())
    gone = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    refused = [row for row in gone if row["meta"]["rejected"] == "refused"]
    assert len(refused) == outcome.manifest["rejected"]["refused"] > 0
    assert all(row["number"] % 5 == 0 for row in refused)
    assert refused[0]["meta"]["checks"][-1]["value"] == "too long"
    kept = [json.loads(line) for line in (tmp_path / "dataset.jsonl").read_text().splitlines()]
    assert not any(int(row["answer"].split()[0]) % 10 == 0 for row in kept)


def test_without_answers_what_is_there_is_written_and_the_round_is_done_again(tmp_path: Path) -> None:
    run(tmp_path / "whole", Doubler())
    first = run(tmp_path / "short", Doubler(budget=15))
    assert first.unanswered == "no more"
    assert not first.manifest["complete"]
    assert first.manifest["files"]["dataset"]["records"] > 0
    assert "unanswered" in first.manifest["rejected"]
    assert run(tmp_path / "short", Doubler()).unanswered is None
    assert contents(tmp_path / "whole") == contents(tmp_path / "short")
