"""Pace, budget and persistence towards one teacher."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.log import LOG, ResponseLog, entries
from rlvr.data.request import Reply, Request, Sampling, Usage
from rlvr.data.run import Unanswered
from rlvr.data.teachers.base import Again
from rlvr.data.teachers.caller import Caller, Line
from rlvr.data.teachers.config import Budget, OpenAITeacher, ReplayTeacher
from rlvr.data.teachers.ledger import Ledger, cost, spent, worst_usage
from rlvr.data.teachers.pace import Pace
from rlvr.data.teachers.replay import Replay


@dataclass
class Plays:
    """A teacher that does what it is told, in order, and then answers."""

    script: list[Exception | Reply] = field(default_factory=list)
    takes_s: float = 0.0
    asked: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def ask(self, request: Request, seed: int) -> Reply:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
            done = self.script.pop(0) if self.script else Reply("fine", "stop", Usage(10, 20))
            if isinstance(done, Exception):
                raise done
            return done
        finally:
            self.at_once -= 1

    async def close(self) -> None: ...


def request(n: int = 0, **sampling: Any) -> Request:
    return Request(Sampling(max_tokens=100, **sampling), prompt=f"say {n}")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ResponseLog]:
    log = ResponseLog(tmp_path)
    yield log
    log.close()


def caller(log: ResponseLog, teacher: Plays, budget: Budget | None = None, **limits: Any) -> Caller:
    limits = {"backoff_s": 0.001, **limits}
    config = OpenAITeacher.model_validate(
        {"url": "http://x", "model": "m", "limits": limits, "price": {"input": 1.0, "output": 2.0}}
    )
    return Caller({"teacher": Line("teacher", config, teacher)}, log, Ledger(budget or Budget()))


def texts(caller: Caller, *requests: Request) -> list[str]:
    async def ask() -> list[str]:
        answers = await asyncio.gather(*(caller.ask("teacher", one) for one in requests))
        return [reply.text for reply, _ in answers]

    return asyncio.run(ask())


def test_alike_is_asked_once_and_samples_anew(log: ResponseLog) -> None:
    teacher = Plays()
    texts(caller(log, teacher), request(), request(), Request(request().sampling, prompt="say 0", sample=1))
    assert teacher.asked == 2


def test_teachers_of_one_name_do_not_share_answers(log: ResponseLog, tmp_path: Path) -> None:
    config = OpenAITeacher(url="http://x", model="m")
    teachers = {role: Plays([Reply(role)]) for role in ("small", "large")}
    lines = {role: Line(role, config, teacher) for role, teacher in teachers.items()}
    taught = Caller(lines, log, Ledger(Budget()))

    async def run() -> None:
        for role in teachers:
            reply, _ = await taught.ask(role, request())
            assert reply.text == role
        for role in teachers:
            again = Replay(role, ReplayTeacher(model="m", log=tmp_path / LOG))
            assert (await again.ask(request(), seed=0)).text == role
            await again.close()

    asyncio.run(run())


def test_what_was_refused_is_asked_again_later(log: ResponseLog) -> None:
    assert texts(caller(log, Plays([Reply("unknown field", "refused")])), request()) == ["unknown field"]
    assert texts(caller(log, right := Plays()), request()) == ["fine"]
    assert texts(caller(log, right), request()) == ["fine"]
    assert right.asked == 1


def test_it_tries_again_and_then_gives_up(log: ResponseLog) -> None:
    again = Again("HTTP 500")
    first = caller(log, Plays([again] * 7))
    assert texts(first, request()) == ["fine"]
    assert first.lines["teacher"].trouble is None
    second = caller(log, Plays([again] * 3), attempts=3)
    with pytest.raises(Unanswered, match="teacher: HTTP 500, 3 times"):
        texts(second, request(1))
    assert second.lines["teacher"].trouble == "HTTP 500"


def test_a_teacher_that_answers_nobody_is_given_up(log: ResponseLog) -> None:
    teacher = Plays([Again("no connection")] * 10**4)
    taught = caller(log, teacher, attempts=4)
    with pytest.raises(Unanswered, match="no connection, 4 times"):
        texts(taught, request(0))
    with pytest.raises(Unanswered, match="no connection, 4 times"):
        texts(taught, request(1))
    assert teacher.asked == 4


def test_a_long_pause_ends_the_run_at_once(log: ResponseLog) -> None:
    teacher = Plays([Again("HTTP 429", after_s=3600.0)])
    began = time.monotonic()
    with pytest.raises(Unanswered, match="asks to wait for 3600 s"):
        texts(caller(log, teacher, concurrency=1), *[request(n) for n in range(50)])
    assert teacher.asked == 1
    assert time.monotonic() - began < 30


def test_a_pause_that_is_asked_for_is_kept(log: ResponseLog) -> None:
    began = time.monotonic()
    texts(caller(log, Plays([Again("HTTP 429", after_s=0.3)])), request())
    assert time.monotonic() - began > 0.3


def test_an_answer_that_is_cut_is_asked_for_again_but_not_for_ever(log: ResponseLog) -> None:
    cut, full = Reply("ha", "length", Usage(10, 3)), Reply("long", "length", Usage(10, 100))
    assert texts(caller(log, Plays([cut])), request(0)) == ["fine"]
    assert texts(caller(log, Plays([cut] * 9)), request(1)) == ["ha"]
    assert texts(caller(log, teacher := Plays([full])), request(2)) == ["long"]
    assert teacher.asked == 1
    assert texts(caller(log, teacher := Plays([cut] * 9), attempts=2), request(3)) == ["ha"]
    assert texts(caller(log, teacher, attempts=2), request(3)) == ["ha"]
    assert teacher.asked == 2


def test_what_may_have_been_done_is_counted_in_full(log: ResponseLog, tmp_path: Path) -> None:
    worst = worst_usage(request())
    taught = caller(log, Plays([Again("cut", lost=True), Again("HTTP 429", busy=True)]))
    texts(taught, request())
    price = taught.lines["teacher"].config.price
    total = cost(worst, price) + cost(Usage(10, 20), price)
    assert taught.ledger.spent.dollars == total.dollars
    assert taught.ledger.spent.requests == 3
    assert spent(entries(tmp_path)) == taught.ledger.spent


def test_what_was_under_way_at_a_kill_is_counted_in_full(log: ResponseLog, tmp_path: Path) -> None:
    most = cost(worst_usage(request()), OpenAITeacher(url="http://x", model="", price={"output": 3.0}).price)
    log.sent("a", "teacher", most.row())
    log.sent("a", "teacher", most.row())
    log.sent("b", "teacher", most.row())
    log.failed("b", "teacher", "no", {"dollars": "0", "tokens": 0})
    assert spent(entries(tmp_path)).dollars == 2 * most.dollars
    assert spent(entries(tmp_path)).requests == 3


@pytest.mark.parametrize("requests", [1, 5, 7])
def test_a_budget_of_requests(log: ResponseLog, requests: int) -> None:
    teacher = Plays(takes_s=0.01)
    with pytest.raises(Unanswered, match=rf"the budget of {requests} requests is spent"):
        texts(caller(log, teacher, Budget(requests=requests)), *[request(n) for n in range(20)])
    assert teacher.asked <= requests


def test_a_budget_that_is_set_aside_comes_free_again(log: ResponseLog) -> None:
    """Each may cost 5 times what it does cost; all fit one after the other, and no two at once."""
    worst = worst_usage(request(19))
    budget = Budget(tokens=worst.input_tokens + worst.output_tokens + 19 * 30)
    teacher = Plays(takes_s=0.001)
    assert texts(caller(log, teacher, budget), *[request(n) for n in range(20)]) == ["fine"] * 20
    assert teacher.most_at_once < 10


def test_a_busy_teacher_is_asked_less(log: ResponseLog) -> None:
    teacher = Plays([Again("HTTP 429", busy=True)] * 8, takes_s=0.01)
    taught = caller(log, teacher, concurrency=8)
    texts(taught, *[request(n) for n in range(8)])
    assert teacher.most_at_once == 8
    assert 4 <= taught.lines["teacher"].pace.allowed < 8  # eight at once said it, and it counted once


def test_rates_are_kept() -> None:
    async def run() -> float:
        pace = Pace(OpenAITeacher(url="http://x", model="", limits={"requests_per_minute": 1200}).limits)
        began = time.monotonic()
        for _ in range(11):
            await pace.enter(1)
            pace.leave(1, 1)
        return time.monotonic() - began

    assert asyncio.run(run()) > 0.49


def test_tokens_a_minute_count_what_was_used() -> None:
    async def run(used: int) -> float:
        pace = Pace(OpenAITeacher(url="http://x", model="", limits={"tokens_per_minute": 60_000}).limits)
        began = time.monotonic()
        for _ in range(3):
            await pace.enter(200)
            pace.leave(200, used)
        return time.monotonic() - began

    assert asyncio.run(run(200)) > 0.39
    assert asyncio.run(run(0)) < 0.2


def test_who_is_cancelled_gives_the_place_back() -> None:
    async def run() -> None:
        pace = Pace(OpenAITeacher(url="http://x", model="", limits={"concurrency": 1}).limits)
        await pace.enter(1)
        waiting = [asyncio.create_task(pace.enter(1)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        pace.leave(1, 1)
        await asyncio.sleep(0)
        assert waiting[1].done()
        assert not waiting[2].done()
        waiting[2].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


def test_two_processes_cannot_write_the_same_log(log: ResponseLog, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another process is at work"):
        ResponseLog(tmp_path)
