import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from verifiers import registry
from verifiers.workers import Job, Pool

ROOT = Path(__file__).parents[3]
ODD = ROOT / "tests" / "odd"


@pytest.fixture(autouse=True, scope="module")
def _odd():
    sys.path.insert(0, str(ODD))
    registry.refresh()
    yield
    sys.path.remove(str(ODD))
    registry.refresh()


def job(response, verifier="odd_process", value=""):
    return Job(verifier, response, {"value": str(value)}, None)


def below(parent):
    """Pids of all descendants of a process."""
    found, parents = [], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for pid in parents:
        above = pid
        while above in parents:
            above = parents[above]
            if above == parent:
                found.append(pid)
                break
    return found


def run(work, **options):
    """Run `work(pool)` on a loop of its own."""

    async def main():
        pool = Pool(**{"size": 2, "memory_mb": 512} | options)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(main())


def test_workers_are_forked_when_there_is_work_for_them():
    async def work(pool):
        counts = [pool.stats.started]
        await pool.run(job("true"), 5)
        await pool.run(job("true"), 5)
        counts.append(pool.stats.started)
        await asyncio.gather(*(pool.run(job("sleep 0.1"), 5) for _ in range(4)))
        return [*counts, pool.stats.started]

    assert run(work) == [0, 1, 2]


def test_jobs_behind_a_killed_one_lose_nothing():
    async def work(pool):
        await pool.run(job("true"), 5)  # its pace is known, so the next ones travel in one batch
        tasks = [pool.run(job(text), 0.3) for text in ("true", "spin", "true", "exit 2", "0.5")]
        return [(verdict.status, verdict.score) for verdict in await asyncio.gather(*tasks)], pool.stats

    verdicts, stats = run(work, size=1)
    assert verdicts == [("correct", 1), ("undecided", 0), ("correct", 1), ("error", None), ("partial", 0.5)]
    assert (stats.killed, stats.died, stats.retried) == (1, 2, 1)


def test_a_slow_job_does_not_hold_up_those_that_another_worker_could_do():
    async def work(pool):
        await asyncio.gather(*(pool.run(job("sleep 0.1"), 5) for _ in range(4)))  # slow ones are not batched
        start = time.monotonic()
        slow = asyncio.create_task(pool.run(job("sleep 1"), 5))
        await asyncio.gather(*(pool.run(job("true"), 5) for _ in range(10)))
        quick = time.monotonic() - start
        await slow
        return quick

    assert run(work) < 0.9


def test_the_deadline_starts_when_a_worker_turns_to_the_job():
    async def work(pool):
        return [v.status for v in await asyncio.gather(*(pool.run(job("spin 0.2"), 0.5) for _ in range(6)))]

    assert run(work, size=1) == ["error"] * 6  # "spin" is no number, but it was given the time to say so


def test_kills_at_random_cost_no_verdict():
    others = set(below(os.getpid()))

    async def work(pool):
        tasks = [asyncio.create_task(pool.run(job("spin 0.01"), 5)) for _ in range(400)]
        for n in range(10):
            workers = []
            while not workers:
                await asyncio.sleep(0.1)
                ours = set(await asyncio.to_thread(below, os.getpid())) - others
                nursery, *workers = sorted(ours) or [0]
            os.kill(nursery if n % 5 == 4 else workers[n % len(workers)], signal.SIGKILL)
        return await asyncio.gather(*tasks), pool.stats

    verdicts, stats = run(work)
    reasons = [verdict.reason for verdict in verdicts]
    assert set(reasons) <= {"ValueError: could not convert string to float: 'spin'", "worker_died"}
    assert reasons.count("worker_died") <= 2  # only a job that was hit twice
    assert stats.died >= 3


def test_a_worker_is_replaced_within_milliseconds():
    async def work(pool):
        await pool.run(job("true"), 5)
        times = []
        for _ in range(5):
            start = time.monotonic()
            await pool.run(job("exit 1"), 5)  # two workers die
            times.append(time.monotonic() - start)
        return sorted(times)[2]

    assert run(work, size=1) < 0.5


def test_verifiers_are_imported_before_the_fork():
    async def work(pool):
        first = await pool.run(job("true", "odd_process"), 5)
        second = await pool.run(job("true", "odd_hasty"), 0.3)
        return first.status, second.status

    assert run(work) == ("correct", "correct")


def test_large_answers_travel_both_ways():
    async def work(pool):
        tasks = [pool.run(Job("exact", "x" * 3_000_000 + str(n), "y", None), 20) for n in range(6)]
        return await asyncio.gather(*tasks)

    assert [len(verdict.extracted) for verdict in run(work)] == [3_000_001] * 6


def test_what_cannot_be_pickled_fails_alone():
    async def work(pool):
        with pytest.raises((TypeError, AttributeError)):
            await pool.run(Job("exact", "x", {"answer": lambda: 1}, None), 5)
        return await pool.run(job("true"), 5)

    assert run(work).status == "correct"


def test_without_a_nursery_jobs_are_errors_and_none_hangs(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    async def work(pool):
        return await asyncio.gather(*(pool.run(job("true"), 5) for _ in range(5)))

    assert {verdict.reason for verdict in run(work)} == {"worker_died"}


def test_all_die_with_the_parent():
    code = f"""
        import sys, time
        sys.path[:0] = [{str(ROOT)!r}, {str(ODD)!r}]
        from verifiers import Grader, Item
        grader = Grader(workers=1)
        print(grader.grade_sync(Item("a", "odd_process", "pid", {{}})).details["pid"], flush=True)
        grader.grade_sync(Item("a", "odd_process", "spin", {{}}))
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as parent:
        worker = int(parent.stdout.readline())
        descendants = below(parent.pid)
        assert worker in descendants
        parent.kill()
    end = time.monotonic() + 5
    while any(alive(pid) for pid in descendants):
        assert time.monotonic() < end, "a worker outlived its parent"
        time.sleep(0.01)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
