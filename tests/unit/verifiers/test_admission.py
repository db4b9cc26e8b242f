import asyncio

import pytest

from verifiers.admission import Limits, Queue
from verifiers.keys import Key
from verifiers.problems import Problem

LIMITS = Limits(items=10, queue=20)
ONE, TWO = Key("s" * 16, "one"), Key("t" * 16, "two")


def test_the_queue_is_bounded_and_gives_places_back():
    queue = Queue(LIMITS)
    with queue.place("", 10):
        with queue.place("", 10):
            assert queue.full
            with pytest.raises(Problem, match="the queue is full") as refused:
                queue.enter("", 1)
            assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
        assert queue.admitted == 10
    with pytest.raises(Problem, match="send at most 10") as refused:
        queue.enter("", 11)
    assert (refused.value.status, queue.admitted) == (413, 0)


def test_one_key_of_several_leaves_room_for_the_others():
    queue = Queue(LIMITS, [ONE, TWO])
    queue.enter("one", 10)
    with pytest.raises(Problem, match="the queue is full"):
        queue.enter("one", 1)
    queue.enter("two", 10)
    queue.leave("one", 10)
    queue.enter("one", 5)


def test_a_key_may_have_a_limit_of_its_own():
    queue = Queue(LIMITS, [Key("s" * 16, "one", items=3), TWO])
    with pytest.raises(Problem, match="send at most 3"):
        queue.enter("one", 4)
    queue.enter("one", 3)
    with pytest.raises(Problem, match="the queue is full"):
        queue.enter("one", 1)


def test_who_waits_comes_in_as_soon_as_there_is_room():
    async def check():
        queue = Queue(LIMITS, [ONE, TWO])
        queue.enter("one", 10)
        held_up = asyncio.create_task(queue.wait("one", 5))
        await asyncio.sleep(0)
        assert queue.waiting == 1
        await queue.wait("two", 10)  # is not held up by a key that has its share
        behind = asyncio.create_task(queue.wait("two", 1))
        await asyncio.sleep(0)
        queue.leave("one", 10)
        await held_up
        await asyncio.sleep(0)
        assert not behind.done()
        queue.leave("two", 10)
        await behind
        assert (queue.admitted, queue.waiting) == (6, 0)

    asyncio.run(check())


def test_nobody_overtakes_one_who_needs_more_room():
    async def check():
        queue = Queue(LIMITS)
        queue.enter("", 9)
        queue.enter("", 9)
        large, small = (asyncio.create_task(queue.wait("", size)) for size in (10, 1))
        await asyncio.sleep(0)
        assert queue.waiting == 2
        queue.leave("", 9)
        await asyncio.gather(large, small)
        assert queue.admitted == 20

    asyncio.run(check())


def test_who_gives_up_leaves_no_trace():
    async def check():
        queue = Queue(LIMITS)
        queue.enter("", 10)
        queue.enter("", 10)
        first, second, third = (asyncio.create_task(queue.wait("", 10)) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        queue.leave("", 10)  # lets the second in, since the first is on its way out
        second.cancel()  # who was let in, and leaves before knowing
        await asyncio.gather(first, second, return_exceptions=True)
        await third
        assert (queue.admitted, queue.waiting) == (20, 0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.wait("", 1), 0.01)
        assert (queue.admitted, queue.waiting) == (20, 0)

    asyncio.run(check())
