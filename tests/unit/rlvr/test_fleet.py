"""Several processes as one partner: nothing is lost with one of them, and nobody serves with old weights."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from rlvr.config import Faults, Sampling
from rlvr.errors import WorkFailed
from rlvr.faults import Gone, Lost
from rlvr.fleet import PART, Engines, Graders, Learner, RankGroup
from rlvr.samples import Request, Rollout
from verifiers import Item, Verdict

FAULTS = Faults(heartbeat_s=5, call_s=5, start_s=5, restarts=3)
SAMPLING = Sampling(max_tokens=4)


class Actor:
    """A process that does `serve(method, *args)` until it is killed, at once or when it is asked for the n-th time."""

    def __init__(self, serve: Callable[..., Any], dies_at: int | None = None) -> None:
        self.serve, self.dies_at, self.asked, self.dead = serve, dies_at, 0, False
        self.parts: list[int] = []
        """Sizes of the parts in which requests came."""

    async def call(self, method: str, *args: Any) -> Any:
        await asyncio.sleep(0)
        if method not in ("ping", "address", "join"):
            self.asked += 1
        if self.dead or self.asked - 1 == self.dies_at:
            self.dead = True
            raise Lost("its process died")
        return None if method == "ping" else self.serve(method, *args)

    async def refer(self, method: str, *args: Any) -> tuple[Any, Any]:
        pair: tuple[Any, Any] = await self.call(method, *args)
        return pair

    async def stream(self, method: str, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Any]:
        self.parts.append(len(requests))
        for request in requests:
            yield [await self.call(method, request)]

    def kill(self) -> None:
        self.dead = True


def living(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


def ask(count: int, batch: int = 0) -> list[Request]:
    return [Request(f"{batch:06}/{i:03}", (i,), i) for i in range(count)]


class Sampler:
    """The engines of a test: who sampled what, with which weights."""

    def __init__(self, *dies_at: int | None) -> None:
        self.dies_at = list(dies_at)
        self.sampled: list[tuple[int, str, object]] = []
        self.loads: list[tuple[int, object]] = []
        self.gone: list[object] = []
        self.actors: list[Actor] = []

    def start(self, number: int) -> Actor:
        weights: list[object] = [None]

        def serve(method: str, *args: Any) -> Any:
            if method == "load":
                if args[0] in self.gone:
                    raise Gone("with its node")
                weights[0] = args[0]
                self.loads.append((number, args[0]))
                return None
            [request] = args
            self.sampled.append((number, request.id, weights[0]))
            return Rollout(request.id, request.prompt_ids, (1,), (1,), (-1.0,), (0,), "stop", "")

        self.actors.append(Actor(serve, self.dies_at.pop(0) if self.dies_at else None))
        return self.actors[-1]


async def sample(engines: Engines, requests: list[Request]) -> list[str]:
    return [rollout.id async for rollout in engines.sample(requests, SAMPLING)]


def test_engines_share_what_is_asked_in_fixed_parts() -> None:
    async def test() -> None:
        sampler = Sampler()
        engines = Engines(sampler.start, 2, FAULTS, at_once=4)
        await engines.load("w0", 0)
        assert sorted(await sample(engines, ask(10))) == [request.id for request in ask(10)]
        by_engine = [{id for number, id, _ in sampler.sampled if number == n} for n in (0, 1)]
        assert {len(ids) for ids in by_engine} == {4, 6}
        await engines.close()

    living(test)


def test_an_engine_that_dies_gives_its_requests_back() -> None:
    async def test() -> None:
        sampler = Sampler(4, None)
        engines = Engines(sampler.start, 1, FAULTS, at_once=8)
        await engines.load("w0", 0)
        assert sorted(await sample(engines, ask(8))) == [request.id for request in ask(8)]
        assert len(sampler.sampled) == 8
        assert engines.members[0].losses == 1
        assert {weights for _, _, weights in sampler.sampled} == {"w0"}
        await engines.close()

    living(test)


def test_answers_that_are_lost_with_their_node_are_asked_for_once_more() -> None:
    async def test() -> None:
        sampler = Sampler()
        engines = Engines(sampler.start, 1, FAULTS, at_once=8)
        await engines.members[0].ready()
        [actor] = sampler.actors
        serve, lost = actor.serve, ["000000/005"]

        def losing(method: str, *args: Any) -> Any:
            if method == "sample" and args[0].id in lost:
                lost.clear()
                raise Gone("with its node")
            return serve(method, *args)

        actor.serve = losing
        assert sorted(await sample(engines, ask(8))) == [request.id for request in ask(8)]
        assert len(sampler.sampled) == 8
        assert engines.members[0].losses == 0
        await engines.close()

    living(test)


def test_an_engine_that_died_while_idle_holds_no_requests() -> None:
    async def test() -> None:
        sampler, start = Sampler(), asyncio.Event()

        class Slow(Actor):
            async def call(self, method: str, *args: Any) -> Any:
                await start.wait()
                return await super().call(method, *args)

        def bring_up(number: int) -> Actor:
            return sampler.start(number) if len(sampler.actors) < 2 else Slow(lambda *_: None)

        engines = Engines(bring_up, 2, FAULTS, at_once=4)
        await sample(engines, ask(8))
        engines.members[0].drop("killed by the test")
        assert len(await asyncio.wait_for(sample(engines, ask(16, batch=1)), 2)) == 16  # long before the other is up
        start.set()
        await engines.close()

    living(test)


def test_an_engine_that_has_sampled_something_has_worked() -> None:
    """However many are lost, each after a part of its requests."""

    async def test() -> None:
        sampler = Sampler(*[3] * 9)
        engines = Engines(sampler.start, 1, FAULTS, at_once=32)
        assert len(await sample(engines, ask(30))) == 30
        assert engines.members[0].losses == 9
        await engines.close()

    living(test)


def test_an_engine_serves_with_the_current_weights_or_not_at_all() -> None:
    async def test() -> None:
        sampler = Sampler()
        engines = Engines(sampler.start, 2, FAULTS, at_once=4)
        await engines.load("w0", 0)
        await sample(engines, ask(8))
        engines.members[1].drop("killed by the test")
        await engines.load("w1", 1)
        sampler.sampled.clear()
        await sample(engines, ask(40, batch=1))
        assert {weights for _, _, weights in sampler.sampled} == {"w1"}
        assert {number for number, _, _ in sampler.sampled} == {0, 1}
        await engines.close()

    living(test)


def test_weights_whose_only_copy_is_lost_come_from_the_learner_once_more() -> None:
    async def latest() -> tuple[str, int]:
        return "w1 again", 1

    async def test() -> None:
        sampler = Sampler()
        engines = Engines(sampler.start, 1, FAULTS, at_once=4)
        engines.source = latest
        await engines.members[0].ready()
        sampler.gone.append("w1")
        await engines.load("w1", 1)
        await sample(engines, ask(1))
        assert sampler.loads == [(0, "w1 again")]
        assert engines.members[0].losses == 0
        await engines.close()

    living(test)


def test_small_parts_of_several_callers_go_together() -> None:
    async def test() -> None:
        sampler = Sampler()
        engines = Engines(sampler.start, 1, FAULTS, at_once=6)
        await asyncio.gather(*(sample(engines, ask(2, batch)) for batch in range(4)))
        assert sorted(sampler.actors[0].parts) == [2, 6]
        await engines.close()

    living(test)


def test_graders_take_turns_and_nothing_is_lost_with_one() -> None:
    async def test() -> None:
        counts = {0: 0, 1: 0}

        def start(number: int) -> Actor:
            def serve(method: str, items: list[Item]) -> list[Verdict]:
                counts[number] += 1
                return [Verdict.correct(id=item.id) for item in items]

            return Actor(serve, dies_at=2)

        graders = Graders(start, 2, FAULTS)
        calls = [[Item(f"{i}/{j}", "exact", "", "") for j in range(3)] for i in range(12)]
        verdicts = await asyncio.gather(*map(graders.grade_many, calls))
        assert [[verdict.id for verdict in answer] for answer in verdicts] == [[i.id for i in call] for call in calls]
        assert min(counts.values()) >= 4
        await graders.close()

    living(test)


@pytest.mark.parametrize("dying", [None, 0])
def test_many_responses_go_to_all_graders_and_only_a_lost_part_is_asked_again(dying: int | None) -> None:
    async def test() -> None:
        judged: list[tuple[int, int]] = []

        def start(number: int) -> Actor:
            def serve(method: str, items: list[Item]) -> list[Verdict]:
                judged.append((number, len(items)))
                return [Verdict.correct(id=item.id) for item in items]

            return Actor(serve, dies_at=1 if number == dying else None)

        graders = Graders(start, 3, FAULTS)
        items = [Item(str(i), "exact", "", "") for i in range(5 * PART + 3)]
        verdicts = await graders.grade_many(items)
        assert [verdict.id for verdict in verdicts] == [item.id for item in items]
        assert {number for number, _ in judged} == {0, 1, 2}
        assert sum(size for _, size in judged) == len(items)
        await graders.close()

    living(test)


def test_a_grader_that_cannot_be_replaced_ends_the_run_though_another_serves() -> None:
    async def test() -> None:
        def start(number: int) -> Actor:
            return Actor(lambda method, items: [Verdict.correct() for _ in items], dies_at=None if number else 0)

        async def judge_on() -> None:
            while True:
                await graders.grade_many([Item("1", "exact", "", "")] * PART * 4)

        graders = Graders(start, 2, FAULTS)
        with pytest.raises(WorkFailed, match="grader 0 was lost 4 times in a row without any work done"):
            await judge_on()
        await graders.close()

    living(test)


class Sums:
    """Learner ranks that add numbers up; `disk` outlives them."""

    def __init__(self, deaths: dict[int, int]) -> None:
        self.deaths, self.started = deaths, 0
        self.disk = (0, 0.0)
        self.batches: dict[int, list[Any]] = {}

    def start(self) -> RankGroup:
        return RankGroup([self.rank(), self.rank()])

    def rank(self) -> Actor:
        state = [0, 0.0]

        def serve(method: str, *args: Any) -> Any:
            if method == "address":
                return f"group {self.started // 2}"
            if method == "join":
                assert args == (f"group {self.started // 2}",)
            if method == "step":
                state[0] += 1
                state[1] = 0.5 * state[1] + sum(args[0])
                return {"sum": state[1]}
            if method == "weights":
                return state[0], state[1]
            if method == "checkpoint":
                self.disk = (args[0], state[1])
            if method == "restore":
                state[:] = self.disk
                return state[0]
            return None

        self.started += 1
        return Actor(serve, self.deaths.get(self.started - 1))


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("deaths", [{}, {0: 2}, {1: 4}, {0: 1, 2: 1}, {1: 7, 3: 2}, {0: 3, 3: 3, 5: 3}])
def test_ranks_that_die_go_back_and_catch_up(deaths: dict[int, int], idle: bool) -> None:
    async def run(sums: Sums) -> float:
        learner = Learner(sums.start, FAULTS, lambda step: sums.batches[step])
        assert await learner.restore() == 0
        for step in range(1, 8):
            batch: list[Any] = [step, 1.5]
            sums.batches[step] = batch
            await learner.step(batch)
            if step % 3 == 0:
                await learner.checkpoint(step)
            if idle and deaths:
                learner.member.drop("killed while nobody waited")
            assert (await learner.latest())[1] == step == learner.version
        total = float((await learner.latest())[0])
        await learner.close()
        return total

    async def test() -> None:
        expected = await run(Sums({}))
        sums = Sums(deaths)
        assert await run(sums) == expected
        assert sums.started == 2 * (1 + len(deaths)) or idle

    living(test)


@pytest.mark.parametrize("alive", [False, True])
def test_a_rank_that_misses_another_is_no_defect(alive: bool) -> None:
    """Who is left says that the connection was reset, and says it before the death of the other is known."""

    def serve(method: str, *args: Any) -> Any:
        if method == "step":
            raise RuntimeError("Connection reset by peer")

    async def test() -> None:
        silent = Actor(lambda *_: None)
        group = RankGroup([Actor(serve), silent])
        await group.call("ping")
        silent.dead = not alive
        with pytest.raises(RuntimeError if alive else Lost, match="reset by peer" if alive else "its process died"):
            await group.call("step")

    living(test)
