import asyncio
import gc
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from verifiers import Grader, Item, VerifierError, averify, registry, verify

ODD = Path(__file__).parents[2] / "odd"


@pytest.fixture(autouse=True, scope="module")
def _odd():
    sys.path.insert(0, str(ODD))
    registry.refresh()
    yield
    sys.path.remove(str(ODD))
    registry.refresh()


@pytest.fixture(scope="module")
def grader():
    with Grader(workers=2, deadline_s=1.0, memory_mb=512) as grader:
        yield grader


def item(verifier, response, value="", id="a"):
    return Item(id, verifier, response, {"value": str(value)})


def children():
    """Processes below this one, zombies included, by pid."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


def gone(pid, within=2.0):
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("verifier", ["odd_inline", "odd_process", "odd_process_async", "odd_async", "odd_sandboxed"])
@pytest.mark.parametrize(
    ("response", "status", "score", "reason"),
    [
        ("true", "correct", 1.0, "passed"),
        ("false", "incorrect", 0.0, "failed"),
        ("0.25", "partial", 0.25, "scored"),
        ("int", "correct", 1.0, "scored"),
        ("1.5", "error", None, "score 1.5 is outside [0, 1]"),
        ("-0.1", "error", None, "score -0.1 is outside [0, 1]"),
        ("nan", "error", None, "score nan is outside [0, 1]"),
        ("text", "error", None, "verify() returned str; expected a Verdict, a bool or a float"),
        ("none", "error", None, "verify() returned NoneType; expected a Verdict, a bool or a float"),
        ("raise ValueError", "error", None, "ValueError: told to"),
        ("raise SystemExit", "error", None, "SystemExit: told to"),
        ("raise Fault", "error", None, "Fault: told to"),
        ("raise SandboxError", "error", None, "sandbox_error"),
    ],
)
def test_whatever_a_verifier_does_becomes_a_verdict(grader, verifier, response, status, score, reason):
    verdict = grader.grade_sync(item(verifier, response, id="x-1"))
    assert (verdict.status, verdict.score, verdict.reason) == (status, score, reason)
    assert (verdict.id, verdict.verifier, verdict.version) == ("x-1", verifier, "1.0")
    assert verdict.elapsed_ms > 0 or verdict.cached


def test_a_verdict_is_the_same_inline_and_from_a_worker(grader):
    here, there = (grader.grade_sync(item(name, "surrogate")) for name in ("odd_inline", "odd_process"))
    assert here.extracted == there.extracted == "\ufffd"
    assert here.details == there.details == {"set": [1], "text": "\ufffd", "object": "<odd>"}


def test_a_response_with_lone_surrogates_is_judged(grader):
    assert grader.grade_sync(Item("a", "exact", "a\udc80", "a\ufffd")).status == "correct"


@pytest.mark.parametrize("response", ["spin", "sleep"])
def test_a_job_past_its_deadline_is_killed_and_undecided(grader, response):
    start = time.monotonic()
    verdict = grader.grade_sync(item("odd_hasty", response))
    assert (verdict.status, verdict.score, verdict.reason) == ("undecided", 0.0, "time_limit")
    assert 0.3 <= time.monotonic() - start < 8.0  # at once, unless the machine is busy with something else
    assert verdict.version == "1.0"


@pytest.mark.parametrize(
    ("response", "cause"),
    [("exit 3", "exit 3"), ("signal SIGSEGV", "SIGSEGV"), ("signal SIGKILL", "SIGKILL")],
)
def test_a_worker_that_dies_twice_over_one_item_is_an_error(grader, response, cause):
    before = grader.stats().workers.retried
    verdict = grader.grade_sync(item("odd_process", response))
    assert (verdict.status, verdict.reason, verdict.details) == ("error", "worker_died", {"cause": cause})
    assert grader.stats().workers.retried == before + 1


def test_a_worker_has_a_memory_limit():
    with Grader(workers=1, deadline_s=60.0, memory_mb=256) as grader:
        verdict = grader.grade_sync(item("odd_process", "eat"))
        assert (verdict.status, verdict.reason, verdict.details) == ("error", "worker_died", {"cause": "memory"})
        assert grader.grade_sync(item("odd_process", "true")).status == "correct"


def test_a_worker_that_dies_once_costs_nothing(grader, tmp_path):
    assert grader.grade_sync(item("odd_process", "once", tmp_path / "mark")).status == "correct"


def test_a_stopped_worker_is_the_machines_fault_not_the_answers(grader):
    verdict = grader.grade_sync(item("odd_hasty", "signal SIGSTOP"))
    assert (verdict.status, verdict.details) == ("error", {"cause": "stopped"})


def test_what_a_killed_verifier_started_dies_with_it(grader, tmp_path):
    mark = tmp_path / "pid"
    assert grader.grade_sync(item("odd_hasty", "orphan", mark)).reason == "time_limit"
    assert gone(int(mark.read_text()))


def test_the_fast_path_runs_here_and_leaves_the_rest_to_a_worker(grader):
    assert grader.grade_sync(item("odd_fast", "17")).reason == "fast"
    assert grader.grade_sync(item("odd_fast", "pid")).details["pid"] != os.getpid()
    assert grader.grade_sync(item("odd_fast", "deep")).reason == "slow"


def test_verdicts_keep_order_and_ids_among_slow_dying_and_broken_items(grader):
    kinds = [
        ("odd_process", "true", "correct"),
        ("odd_hasty", "spin", "undecided"),
        ("odd_process", "exit 1", "error"),
        ("odd_inline", "false", "incorrect"),
        ("nobody", "true", "error"),
        ("odd_async", "true", "correct"),
        ("odd_sandboxed", "0.5", "partial"),
        ("odd_process", "false", "incorrect"),
    ]
    chosen = [kinds[n % len(kinds)] for n in range(40)]
    items = [Item(f"id-{n}", name, text, {"value": str(n)}) for n, (name, text, _) in enumerate(chosen)]
    verdicts = asyncio.run(grader.grade_many(items[:24]))
    assert [verdict.id for verdict in verdicts] == [f"id-{n}" for n in range(24)]
    assert [verdict.status for verdict in verdicts] == [status for _, _, status in chosen[:24]]


def test_many_jobs_share_the_workers(grader):
    items = [Item(str(n), "odd_process", "pid", {"value": str(n)}) for n in range(300)]
    verdicts = asyncio.run(grader.grade_many(items))
    pids = {verdict.details["pid"] for verdict in verdicts}
    assert len(pids) <= 2
    assert os.getpid() not in pids


def test_completed_yields_what_is_done_first(grader):
    async def order():
        items = [item("odd_process", "sleep 0.3"), item("odd_inline", "true"), item("odd_process", "true")]
        return [index async for index, _ in grader.completed(items)]

    assert asyncio.run(order()) == [1, 2, 0]


def test_leaving_early_gives_up_the_rest():
    async def first(grader):
        items = [Item(str(n), "odd_sandboxed", "true", {"value": str(n)}) for n in range(500)]
        stream = grader.completed(items)
        async for _ in stream:
            break
        await stream.aclose()
        return registry.load("odd_sandboxed").calls

    with Grader(workers=1) as grader:
        before = registry.load("odd_sandboxed").calls
        assert asyncio.run(first(grader)) - before < 100
        end = time.monotonic() + 10
        while grader.stats().running:
            assert time.monotonic() < end, "work goes on that nobody waits for"
            time.sleep(0.01)


def test_bad_input_is_an_error_verdict_that_says_what_is_wrong(grader):
    cases = [
        (Item("a", "exat", "x", "x"), "unknown_verifier", "did you mean 'exact'?"),
        (Item("a", "odd_broken", "x", "x"), "broken_verifier", "ImportError: needs a library"),
        (Item("a", "exact", "x", {"answer": 3}), "bad_reference", "exact: reference: "),
        (Item("a", "exact", "x", "x", {"colour": 1}), "bad_params", "exact: params: colour: "),
        (Item("a", "odd_inline", "true", {}, {"colour": 1}), "bad_params", "odd_inline: params: colour: "),
        (Item("a", "exact", None, "x"), "bad_response", "exact: response must be a string, got NoneType"),
    ]
    for case, reason, message in cases:
        verdict = grader.grade_sync(case)
        assert (verdict.id, verdict.status, verdict.reason) == ("a", "error", reason)
        assert message in verdict.details["message"]
        assert "\n" not in verdict.details["message"]


def test_check_refuses_before_any_work(grader):
    grader.check("exact", "x", {"ignore_case": True})
    with pytest.raises(LookupError, match="did you mean 'exact'"):
        grader.check("exat", "x")
    with pytest.raises(ValueError, match=r'^exact: reference: answers: .*, got \[\]; it reads `"Paris"`, .*$'):
        grader.check("exact", [])
    with pytest.raises(ValueError, match=r"^exact: params: colour: Extra inputs are not permitted, got 'red'$"):
        grader.check("exact", "x", {"colour": "red"})
    with pytest.raises(VerifierError, match=r"^verifier 'odd_broken' cannot be loaded: ImportError: needs a library$"):
        grader.check("odd_broken", "x")


def test_coroutines_have_a_deadline_and_sandboxes_a_bounded_number(grader):
    verdict = grader.grade_sync(item("odd_async", "wait"))
    assert (verdict.status, verdict.reason) == ("error", "deadline")
    items = [Item(str(n), "odd_sandboxed", "true", {"value": str(n)}) for n in range(30)]
    assert {verdict.status for verdict in asyncio.run(grader.grade_many(items))} == {"correct"}
    assert 1 < registry.load("odd_sandboxed").most <= 4


def test_a_sandbox_failure_is_tried_once_more(grader, tmp_path):
    assert grader.grade_sync(item("odd_sandboxed", "flaky", tmp_path / "mark")).status == "correct"
    verdict = grader.grade_sync(item("odd_sandboxed", "raise SandboxError"))
    assert (verdict.reason, verdict.details) == ("sandbox_error", {"message": "SandboxError: told to"})


def test_a_blocking_sandbox_verifier_does_not_stop_the_others(grader):
    async def race():
        slow = asyncio.create_task(grader.grade(item("odd_blocking", "sleep 0.5")))
        await grader.grade(item("odd_async", "true", "race"))
        return slow.done() or await slow

    assert asyncio.run(race()).reason == "ValueError: could not convert string to float: 'sleep'"


def test_verifiers_made_of_others_do_not_wait_for_themselves():
    with Grader(workers=1) as grader:
        items = [Item(str(n), "odd_composite", "true", {"value": str(n)}) for n in range(20)]
        assert {verdict.status for verdict in asyncio.run(grader.grade_many(items))} == {"correct"}


def test_a_coroutine_that_would_block_the_grader_is_refused(grader):
    assert "use `await averify(...)`" in grader.grade_sync(item("odd_composite", "block")).reason


def test_a_forgotten_async_is_named(grader):
    assert "declare it with `async def`" in grader.grade_sync(item("odd_forgetful", "x")).reason


def test_cache_hits_are_marked_and_errors_and_time_limits_are_not_kept(grader, tmp_path):
    first, again = (grader.grade_sync(item("odd_process", "count", tmp_path / "count", id=id)) for id in "ab")
    assert (first.cached, again.cached, again.id, again.status) == (False, True, "b", "correct")
    assert (tmp_path / "count").read_text() == "x"
    assert not grader.grade_sync(item("odd_process", "count", tmp_path / "other")).cached
    for response in ("raise ValueError", "spin"):
        assert [grader.grade_sync(item("odd_hasty", response)).cached for _ in "ab"] == [False, False]


def test_equal_items_at_the_same_time_are_judged_once(grader, tmp_path):
    items = [item("odd_process", "count", tmp_path / "count", id=str(n)) for n in range(16)]
    verdicts = asyncio.run(grader.grade_many(items))
    assert (tmp_path / "count").read_text() == "x"
    assert sorted(verdict.cached for verdict in verdicts) == [False] + [True] * 15
    assert [verdict.id for verdict in verdicts] == [str(n) for n in range(16)]


def test_the_cache_is_bounded():
    with Grader(cache_size=2) as grader:
        for response in ("0.1", "0.2", "0.3", "0.1"):
            verdict = grader.grade_sync(item("odd_inline", response))
        assert not verdict.cached
        assert grader.grade_sync(item("odd_inline", "0.3")).cached


def test_stats_count_verdicts_by_verifier_and_status():
    with Grader(workers=1) as grader:
        for response in ("true", "true", "false"):
            grader.grade_sync(item("odd_process", response))
        stats = grader.stats()
    assert stats.verdicts == {("odd_process", "correct"): 2, ("odd_process", "incorrect"): 1}
    assert (stats.cached, stats.waiting, stats.running, stats.workers.started) == (1, 0, 0, 1)


def test_a_grader_leaves_no_process_thread_or_descriptor_behind():
    with Grader(workers=2):
        pass  # imports and caches settle
    before = children(), threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with Grader(workers=2, deadline_s=0.3) as grader:
            items = [item("odd_process", text) for text in ("true", "pid", "spin", "exit 1", "false")]
            asyncio.run(grader.grade_many(items))
    gc.collect()
    assert (children(), threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_a_dropped_grader_ends_its_workers():
    grader = Grader(workers=1)
    pid = grader.grade_sync(item("odd_process", "pid")).details["pid"]
    del grader
    gc.collect()
    assert gone(pid)


def test_an_inline_grader_starts_nothing():
    before = children(), threading.active_count()
    with Grader() as grader:
        grader.grade_sync(Item("a", "exact", "x", "x"))
        assert (children(), threading.active_count()) == before


def test_a_closed_grader_says_so(grader):
    closed = Grader(workers=1)
    closed.close()
    closed.close()
    with pytest.raises(RuntimeError, match="closed"):
        closed.grade_sync(item("odd_process", "true"))


def test_work_under_way_at_the_close_is_an_error_not_a_hang():
    grader = Grader(workers=1)
    found = []
    thread = threading.Thread(target=lambda: found.append(grader.grade_sync(item("odd_process", "sleep 60"))))
    thread.start()
    while not grader.stats().running:
        time.sleep(0.01)
    grader.close()
    thread.join(timeout=5)
    assert [verdict.reason for verdict in found] == ["closed"]


def test_verify_works_in_any_thread_and_any_loop():
    def both():
        assert verify("odd_process", "true", {}).status == "correct"
        assert asyncio.run(averify("odd_async", "true", {})).status == "correct"

    async def inside():
        assert verify("odd_process", "false", {}).status == "incorrect"
        return await averify("odd_process", "false", {})

    failures = []
    threads = [threading.Thread(target=lambda: failures.append(1) if both() else None) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    both()
    assert asyncio.run(inside()).status == "incorrect"
    assert verify("exact", " X ", "x", ignore_case=True).status == "correct"


def test_verify_raises_what_a_batch_reports():
    with pytest.raises(LookupError, match="no verifier named"):
        verify("exat", "x", "x")
    with pytest.raises(ValueError, match="exact: reference"):
        verify("exact", "x", [])
    with pytest.raises(ValueError, match="exact: params"):
        asyncio.run(averify("exact", "x", "x", colour="red"))


def _verify_in_child(queue):
    queue.put((verify("odd_process", "pid", {}).details["pid"], verify("odd_async", "true", {"value": "f"}).status))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_verify_works_in_a_forked_process():
    ours = verify("odd_process", "pid", {}).details["pid"]
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_verify_in_child, args=(queue,))
    child.start()
    child.join(timeout=30)
    assert child.exitcode == 0
    theirs, status = queue.get()
    queue.close()
    assert status == "correct"
    assert gone(theirs)
    assert verify("odd_process", "true", {"value": "after"}).status == "correct"
    assert ours in {int(pid.name) for pid in Path("/proc").glob("[0-9]*")}
