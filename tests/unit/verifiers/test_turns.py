import asyncio
from typing import NamedTuple

from verifiers import Grader, Item
from verifiers.turns import FairQueue, Turns

SLOW = "import time\ndef f():\n    time.sleep(0.1)\n    return {}\n"


class Piece(NamedTuple):
    owner: str
    number: int


def test_owners_come_in_turn_and_each_in_its_own_order():
    queue = FairQueue()
    for piece in [Piece("a", 1), Piece("a", 2), Piece("a", 3), Piece("b", 4), Piece("c", 5), Piece("b", 6)]:
        queue.put_nowait(piece)
    assert queue.qsize() == 6
    assert [queue.get_nowait().number for _ in range(6)] == [1, 4, 5, 2, 6, 3]
    assert queue.empty()


def test_a_queue_can_be_waited_for():
    async def check():
        queue = FairQueue()
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        queue.put_nowait(Piece("a", 1))
        assert await waiting == Piece("a", 1)

    asyncio.run(check())


def test_places_go_round():
    async def check():
        turns, order = Turns(1), []

        async def work(owner, number):
            async with turns.place(owner):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(work("a", n) for n in range(4)), work("b", 10), work("b", 11))
        assert order == [0, 1, 10, 2, 11, 3]
        async with asyncio.timeout(1), turns.place("a"):
            pass

    asyncio.run(check())


def test_a_place_is_never_lost_by_who_gives_up():
    async def check():
        turns = Turns(1)

        async def hold():
            async with turns.place("a"):
                await asyncio.sleep(60)

        holder, leaver, called = (asyncio.create_task(hold()) for _ in range(3))
        await asyncio.sleep(0)
        leaver.cancel()
        holder.cancel()
        await asyncio.sleep(0)
        called.cancel()  # whose turn has come, but who does not know it yet
        await asyncio.gather(holder, leaver, called, return_exceptions=True)
        async with asyncio.timeout(1), turns.place("b"):
            pass

    asyncio.run(check())


def test_a_flood_of_one_owner_does_not_hold_up_another():
    """Without turns the second owner would be last of all."""

    def item(number):
        return Item(str(number), "code", SLOW.format(number), {"test_list": ["assert f() == 1"]})

    async def check():
        with Grader(workers=1) as grader:
            begun, done = asyncio.Event(), []

            async def flood():
                async for _, verdict in grader.completed([item(n) for n in range(60)], "greedy"):
                    done.append(verdict.id)
                    begun.set()

            flooding = asyncio.create_task(flood())
            await begun.wait()
            async for _, verdict in grader.completed([item(100)], "modest"):
                assert verdict.status == "incorrect"
                assert len(done) < 30
            await flooding
            assert len(done) == 60

    asyncio.run(check())
