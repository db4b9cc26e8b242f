"""Processes that die, hang or never come up: who waited is told, and the next one takes the place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from rlvr.config import Faults
from rlvr.errors import WorkFailed
from rlvr.faults import Call, Lost, Member, Process

QUICK = Faults(heartbeat_s=0.15, call_s=0.5, start_s=0.5, restarts=2)


class Worker:
    """A process whose life is up to the test: it dies of `die`, and of nothing but silence when it hangs."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.dead = asyncio.Event()
        self.hangs = False
        self.killed = False

    async def call(self, method: str, *args: Any) -> Any:
        work = asyncio.ensure_future(getattr(self, method)(*args))
        death = asyncio.ensure_future(self.dead.wait())
        try:
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise Lost("its process died")
        finally:
            work.cancel()
            death.cancel()

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        pair: tuple[Any, Any] = await self.call(method, *args)
        return pair

    async def stream(self, method: str, *args: Any) -> AsyncIterator[Any]:
        for i in range(3):
            yield await self.call(method, i)

    def kill(self) -> None:
        self.killed = True
        self.dead.set()

    async def ping(self) -> None:
        if self.hangs:
            await asyncio.sleep(60)

    async def name(self, i: int = 0) -> str:
        return f"{self.number}.{i}"

    async def die(self, i: int = 0) -> None:
        if i == 1 or not i:
            self.dead.set()
            await asyncio.sleep(60)

    async def late(self) -> None:
        await asyncio.sleep(60)

    async def fail(self) -> None:
        raise ValueError("its own fault")


class Place:
    """A member, and every process that has filled its place."""

    def __init__(
        self, faults: Faults = QUICK, spoil: Callable[[Worker], None] = lambda _: None, greet: Any = None
    ) -> None:
        self.workers: list[Worker] = []
        self.spoil = spoil
        self.member = Member("engine 1", self.start, faults, *([greet] if greet else []))

    def start(self) -> Process:
        worker = Worker(len(self.workers))
        self.spoil(worker)
        self.workers.append(worker)
        return worker


def living(test: Callable[[], Awaitable[None]]) -> None:
    """Run in a loop of its own, within a deadline."""
    asyncio.run(asyncio.wait_for(test(), 20))


def test_answers_come_from_the_process_in_place() -> None:
    async def test() -> None:
        place = Place()
        assert await place.member.call("name", 7) == "0.7"
        assert [answer async for answer in place.member.stream("name")] == ["0.0", "0.1", "0.2"]
        with pytest.raises(ValueError, match="its own fault"):
            await place.member.call("fail")
        assert (len(place.workers), place.member.calls, place.member.losses) == (1, 0, 0)
        await place.member.close()
        assert place.workers[0].killed

    living(test)


def test_who_waited_for_the_dead_is_told_and_the_next_takes_over(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        place = Place()
        with pytest.raises(Lost, match=r"the loop waited for engine 1 \(die\): its process died"):
            await place.member.call("die")
        assert await place.member.call("name") == "1.0"
        with pytest.raises(Lost, match=r"waited for engine 1 \(die\)"):
            [answer async for answer in place.member.stream("die")]
        assert await place.member.call("name") == "2.0"
        assert place.member.losses == 2
        await place.member.close()

    living(test)
    assert [line.partition(" after")[0] for line in caplog.messages] == [
        "engine 1 was lost (its process died); starting another",
        "engine 1 serves again",
    ] * 2


def test_a_late_answer_costs_the_process_its_place() -> None:
    async def test() -> None:
        place = Place()
        with pytest.raises(Lost, match=r"the loop waited for engine 1 \(late\): no answer within 0.5 s"):
            await place.member.call("late")
        assert await place.member.call("name") == "1.0"
        assert place.workers[0].killed
        await place.member.close()

    living(test)


def test_a_process_that_hangs_is_found_by_its_heartbeat_while_it_is_waited_for() -> None:
    async def test() -> None:
        place = Place(Faults(heartbeat_s=0.15, call_s=30, start_s=1, restarts=2))
        await place.member.ready()
        place.workers[0].hangs = True
        with pytest.raises(Lost, match="its process died"):
            await place.member.call("late")
        assert await place.member.call("name") == "1.0"
        assert place.workers[0].killed
        await place.member.close()

    living(test)


def test_a_new_process_is_greeted_before_it_serves() -> None:
    async def test() -> None:
        greeted: list[int] = []

        async def greet(call: Call) -> None:
            await asyncio.sleep(0.01)
            greeted.append(int(float(await call("name"))))

        place = Place(greet=greet)
        for number in range(2):
            await place.member.ready()
            assert greeted == list(range(number + 1))
            place.member.drop("no longer wanted")
        await place.member.close()

    living(test)


def test_a_place_that_loses_everybody_is_given_up() -> None:
    async def test() -> None:
        place = Place()
        for _ in range(2):
            with pytest.raises(Lost):
                await place.member.call("die")
        await place.member.ready()
        place.member.worked()
        for _ in range(3):
            with pytest.raises(Lost):
                await place.member.call("die")
        with pytest.raises(WorkFailed, match=r"engine 1 was lost 3 times in a row .* last: its process died"):
            await place.member.call("name")
        assert len(place.workers) == 5

    living(test)


def test_a_process_that_never_comes_up_is_given_up() -> None:
    def hang(worker: Worker) -> None:
        worker.hangs = True

    async def test() -> None:
        place = Place(Faults(heartbeat_s=1, call_s=1, start_s=0.05, restarts=1), hang)
        with pytest.raises(WorkFailed, match=r"not up within 0\.05 s"):
            await place.member.ready()
        assert len(place.workers) == 2

    living(test)
