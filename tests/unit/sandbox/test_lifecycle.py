"""Threads, tasks, forks, deaths: a sandbox answers every run, and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Limits, RunRequest, SandboxError, SandboxUnavailable, jobs
from sandbox.compiled import Compiled
from sandbox.lane import LaneLostError
from sandbox.languages import Toolchain
from sandbox.process import lane
from sandbox.process.backend import ProcessSandbox

PRINT = RunRequest("python", "print(1)")
SLEEP = RunRequest("python", "import time; time.sleep(30)", limits=Limits(wall_s=30))


def children(pid: int) -> list[int]:
    return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]


def hosts() -> list[int]:
    return [
        pid for pid in children(os.getpid()) if b"sandbox.process.host" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """As by Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_threads_share_a_sandbox(box: ProcessSandbox) -> None:
    outputs: list[str] = []

    def work(number: int) -> None:
        outputs.extend(box.run(RunRequest("python", f"print({number})")).stdout for _ in range(3))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outputs) == sorted(f"{number}\n" for number in range(8) for _ in range(3))


def test_tasks_share_a_sandbox(box: ProcessSandbox) -> None:
    async def work() -> list[str]:
        one = await box.arun(PRINT)
        many = await box.arun_many(RunRequest("python", f"print({number})") for number in range(5))
        return [one.stdout, *(result.stdout for result in many)]

    assert asyncio.run(work()) == ["1\n", "0\n", "1\n", "2\n", "3\n", "4\n"]


def test_a_fork_of_the_caller_gets_lanes_of_its_own(box: ProcessSandbox) -> None:
    box.run(PRINT)
    pid = os.fork()
    if pid == 0:
        ok = box.run(PRINT).stdout == "1\n"
        box.close()
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert box.run(PRINT).stdout == "1\n"


@pytest.mark.parametrize("victim", ["host", "fork server"])
def test_a_killed_process_is_replaced(victim: str) -> None:
    before = set(hosts())
    with ProcessSandbox(parallel=1) as sandbox:
        (host,) = set(hosts()) - before
        server = min(children(host))  # its first child
        os.kill(host if victim == "host" else server, signal.SIGKILL)
        start = time.monotonic()
        assert sandbox.run(PRINT).stdout == "1\n"
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("victim", ["host", "fork server", "run"])
def test_a_run_whose_process_is_killed_is_answered(victim: str) -> None:
    before = set(hosts())
    with ProcessSandbox(parallel=1) as sandbox:
        (host,) = set(hosts()) - before
        future = sandbox.submit(RunRequest("python", "import time; time.sleep(1); print(2)"))
        time.sleep(0.3)
        server, *clones = sorted(children(host))
        os.kill({"host": host, "fork server": server, "run": clones[0]}[victim], signal.SIGKILL)
        result = future.result(timeout=20)
        assert (result.status, result.stdout) in [("ok", "2\n"), ("killed", "")]


def test_closing_ends_runs_and_leaves_nothing() -> None:
    before, descriptors = set(hosts()), len(list(Path("/proc/self/fd").iterdir()))
    sandbox = ProcessSandbox(parallel=2)
    futures = [sandbox.submit(SLEEP) for _ in range(2)]
    wait_until(lambda: len(set(hosts()) - before) == 2)
    time.sleep(0.3)
    below = [pid for host in set(hosts()) - before for pid in children(host)]
    start = time.monotonic()
    sandbox.close()
    sandbox.close()
    assert time.monotonic() - start < 5
    assert {future.result(timeout=5).status for future in futures} == {"sandbox_error"}
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))
    assert set(hosts()) == before
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    with pytest.raises(SandboxError, match="closed"):
        sandbox.run(PRINT)


def test_closing_answers_those_who_wait_for_a_lane() -> None:
    sandbox = ProcessSandbox(parallel=1)
    statuses: list[str] = []
    waiting = [threading.Thread(target=lambda: statuses.append(sandbox.run(SLEEP).status)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    sandbox.close()
    for thread in waiting:
        thread.join(timeout=10)
    assert statuses == ["sandbox_error"] * 3


def test_lanes_go_to_who_waits_longest() -> None:
    """And not to who has just given one back, again and again."""
    counts = dict.fromkeys(range(3), 0)
    until = time.monotonic() + 1.5

    def work(number: int) -> None:
        while time.monotonic() < until:
            assert sandbox.run(PRINT).stdout == "1\n"
            counts[number] += 1

    with ProcessSandbox(parallel=1) as sandbox:
        threads = [threading.Thread(target=work, args=(number,)) for number in counts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(counts.values()) <= 2 * min(counts.values()), counts


def test_an_interrupt_while_waiting_for_a_lane_gives_none_away() -> None:
    with ProcessSandbox(parallel=1) as sandbox:
        running = sandbox.submit(RunRequest("python", "import time; time.sleep(1)"))
        with interrupted_after(0.3):
            sandbox.run(PRINT)
        assert running.result(timeout=10).status == "ok"
        assert [sandbox.submit(PRINT).result(timeout=10).stdout for _ in range(2)] == ["1\n"] * 2


def test_an_interrupted_compilation_is_done_again_for_others() -> None:
    compiled, results = Compiled(), list[object]()
    request = RunRequest("cpp", "int main() {}")

    def stopped() -> bytes:
        other.start()
        time.sleep(0.2)  # in which the other one has come to wait for us
        raise KeyboardInterrupt

    other = threading.Thread(target=lambda: results.append(compiled.get(request, lambda: b"made")))
    with pytest.raises(KeyboardInterrupt):
        compiled.get(request, stopped)
    other.join(timeout=10)
    assert results == [b"made"]


def test_a_fork_while_others_hold_a_sandbox_s_locks_can_use_it(box: ProcessSandbox) -> None:
    with box._guard:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            os._exit(box.run(PRINT).stdout != "1\n")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_interrupted_run_leaves_no_answer_behind(box: ProcessSandbox) -> None:
    """Ctrl-C in the thread that runs: the next run's answer is its own."""

    for after_s in (0.001, 0.01, 0.2):
        with interrupted_after(after_s):
            box.run(SLEEP)
        assert box.run(PRINT).stdout == "1\n"
    with interrupted_after(0.1):
        box.run(RunRequest("python", "import time; time.sleep(0.3); print('stale')"))
    time.sleep(0.5)  # the answer has come
    assert box.run(PRINT).stdout == "1\n"


@pytest.mark.parametrize("preload", [(), ("random",), ("random", "threading", "logging")])
def test_runs_begin_as_forks_do(preload: tuple[str, ...]) -> None:
    """What modules want to do after a fork is done, in each run, and in a run's own forks."""
    code = """
import logging, os, random, threading
for forked in range(2):
    logging.getLogger("one").warning(threading.main_thread().ident == threading.get_ident())
    thread = threading.Thread(target=lambda: print(random.random(), flush=True))
    thread.start()
    thread.join()
    if forked == 0 and os.fork():
        os.wait()
        break
"""
    with ProcessSandbox(parallel=1, preload=preload) as sandbox:
        results = [sandbox.run(RunRequest("python", code)) for _ in range(3)]
    assert {result.stderr for result in results} == {"True\nTrue\n"}
    assert len({number for result in results for number in result.stdout.split()}) == 6


def test_what_kept_code_drew_is_no_part_of_a_run_s_luck() -> None:
    kept = {"drawn": compile("import random; random.gauss(0, 1)", "drawn", "exec")}  # which leaves another one behind
    with ProcessSandbox(parallel=1, kept=kept) as sandbox:
        drawn = {sandbox.run(RunRequest("python", "import random; print(random.gauss(0, 1))")).stdout for _ in range(3)}
    assert len(drawn) == 3


def test_a_host_that_cannot_be_started_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "interpreter", lambda: "/nowhere/python")
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SandboxUnavailable, match=r"host process could not be started: .*No such file.*/nowhere/python"):
        ProcessSandbox(parallel=1)
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_why_a_host_died_is_told() -> None:
    request = RunRequest("python", "print(1)")
    job = jobs.running(request, jobs.check(request), Toolchain((), (), ()), None)
    with ProcessSandbox(parallel=1) as sandbox:
        with pytest.raises(
            LaneLostError, match=r"host process was lost: .*\n(.*\n)+TypeError: .*'NoneType' and 'int'$"
        ):
            next(iter(sandbox._lanes)).run(job._replace(output=None), b"")  # type: ignore[arg-type]
        assert sandbox.run(PRINT).stdout == "1\n"


@pytest.mark.parametrize("language", ["python", "bash"])
def test_a_run_has_none_of_its_host_s_streams(language: str) -> None:
    before = set(hosts())
    code = {"python": "import os; os.system('ls -l /proc/self/fd /proc/$PPID/fd')", "bash": "ls -l /proc/self/fd"}
    with ProcessSandbox(parallel=1) as sandbox:
        (host,) = set(hosts()) - before
        pipe = str(Path(f"/proc/{host}/fd/2").readlink())
        seen = sandbox.run(RunRequest(language, code[language])).stdout
    assert pipe.startswith("pipe:")
    assert pipe not in seen
    assert "pipe:" in seen


def test_everything_ends_with_a_killed_caller() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        sandbox = ProcessSandbox(parallel=1)
        sandbox.submit(SLEEP)
        time.sleep(0.3)
        family = [grandchild for child in hosts() for grandchild in [child, *children(child)]]
        os.write(write, " ".join(map(str, family)).encode())
        time.sleep(60)
        os._exit(1)
    family = [int(word) for word in os.read(read, 4096).split()]
    assert len(family) >= 3
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    wait_until(lambda: not any(alive(member) for member in family))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SQUAT = """
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0left behind")
listener.listen()
ours, theirs = socket.socketpair()
for kept in (listener, ours, theirs):  # in flight on each other, so that no close alone frees them
    socket.send_fds(ours, [b"x"], [kept.fileno()])
    socket.send_fds(theirs, [b"x"], [kept.fileno()])
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    socket.socketpair()[0].recv(1)
"""
LOOK = """
import socket
try:
    socket.socket(socket.AF_UNIX).connect("\\0left behind")
    print("reached")
except ConnectionRefusedError:
    print("refused")
devices = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
print(len(open("/proc/net/unix").readlines()), devices)
"""


def test_a_run_finds_no_socket_of_the_one_before() -> None:
    """They share a lane, and so a network namespace."""
    with ProcessSandbox(parallel=1) as sandbox:
        for _ in range(3):
            assert sandbox.run(RunRequest("python", SQUAT)).status == "ok"
            assert sandbox.run(RunRequest("python", LOOK)).stdout == "refused\n1 ['lo']\n"


def test_the_host_s_devices_and_locks_are_out_of_reach(box: ProcessSandbox) -> None:
    """Containers have devices of their own; here they are the host's, and what one run marks the next could read."""
    code = (
        "import fcntl, os, struct\n"
        "for name in ('null', 'zero', 'full', 'random', 'urandom'):\n"
        "    try: os.utime('/dev/' + name); print('marked', name)\n"
        "    except OSError: pass\n"
        "open('/dev/null', 'w').write('x')\n"
        "f = os.open('f', os.O_CREAT | os.O_RDWR)\n"
        "fcntl.lockf(f, fcntl.LOCK_EX)\n"
        "try: fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 7, 1, 0)); print('locked')\n"
        "except OSError: pass\n"
        "print(open('/proc/locks').read(), end='')"
    )
    result = box.run(RunRequest("python", code))
    assert (result.status, result.stdout) == ("ok", ""), result


LASTING = """
import ctypes, os, time
mmap = ctypes.CDLL(None).mmap
for i in range(60_000): mmap(None, 4096, i & 1, 0x22, -1, 0)
for _ in range(20):
    if os.fork() == 0: break
time.sleep(60)
"""


def test_runs_that_take_long_to_clear_away_hold_up_no_other_and_leave_nothing() -> None:
    before = set(hosts())
    with ProcessSandbox(parallel=1) as sandbox:
        (host,) = set(hosts()) - before
        sandbox.run(PRINT)
        at_rest = len(children(host))
        for _ in range(3):
            assert sandbox.run(RunRequest("python", LASTING, limits=Limits(wall_s=1.5))).status == "timeout"
        assert sandbox.run(PRINT).stdout == "1\n"
        wait_until(lambda: len(children(host)) == at_rest, 30)
        assert set(hosts()) - before == {host}
