"""Long use leaves nothing behind, kills come in time, and idleness costs nothing."""

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Limits, RunRequest, SandboxUnavailable
from sandbox.process.backend import ProcessSandbox

MIXED = (
    "print(1)",
    "import os\nfor _ in range(3):\n    if os.fork() == 0: os.setsid(); import time; time.sleep(60)",
    "1 / 0",
    "import ctypes; ctypes.string_at(0)",
    "import os; os._exit(3)",
    "x = bytearray(8 << 20); open('f', 'wb').write(x)",
    "import threading, time; [threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(9)]",
    "open('/dev/shm/x', 'w').write('x' * 99999); import os; os.mkfifo('p')",
    "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0name'); s.listen()",
    "while True: print('x' * 9999)",
)
RUNS = int(os.environ.get("RLVR_SOAK_RUNS", "300"))


@pytest.fixture
def box() -> Iterator[ProcessSandbox]:
    try:
        sandbox = ProcessSandbox(parallel=2)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox


def family(pid: int) -> list[int]:
    below = [
        int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()
    ]
    return below + [deeper for child in below for deeper in family(child)]


def field(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def inventory() -> dict[str, int]:
    """What a leak would add to: of this process and of the hosts and fork servers below it."""
    ours = [os.getpid(), *family(os.getpid())]
    return {
        "processes": len(ours),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ours),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": sum(1 for _ in Path("/sys/fs/cgroup").rglob(f"rlvr-{os.getpid()}-*")),
    }


def settle(box: ProcessSandbox) -> None:
    """Bring every lane into one state: its next clone is born, and known to its host."""
    box.run_many([RunRequest("python", "import time; time.sleep(0.3)")] * 2)
    gc.collect()
    time.sleep(0.3)


def resident_kb(pids: list[int]) -> int:
    return sum(field(pid, "VmRSS") for pid in pids)


@pytest.mark.slow
def test_nothing_is_left_behind(box: ProcessSandbox) -> None:
    requests = [RunRequest("python", MIXED[number % len(MIXED)]) for number in range(RUNS)]
    box.run_many(requests[:60])
    settle(box)
    before, pids = inventory(), [os.getpid(), *family(os.getpid())]
    hosts = [pid for pid in pids if field(pid, "PPid") in (os.getpid(), os.getppid())]
    memory = resident_kb(hosts)
    # In parts: all results together would be this test's own memory.
    parts = [requests[at : at + 100] for at in range(0, RUNS, 100)]
    statuses = {result.status for part in parts for result in box.run_many(part)}
    settle(box)
    assert statuses == {"ok", "error", "output"}
    grown = {what: count - before[what] for what, count in inventory().items() if count > before[what]}
    assert not grown
    assert resident_kb(hosts) - memory < 20 << 10


@pytest.mark.slow
def test_kills_come_in_time(box: ProcessSandbox) -> None:
    spin = RunRequest("python", "while True: pass", limits=Limits(wall_s=0.3))
    late = sorted(box.run(spin).wall_s - 0.3 for _ in range(20))
    hog = "x = bytearray(400 << 20)\nwhile True: pass"
    full = sorted(box.run(RunRequest("python", hog, limits=Limits(wall_s=1.0))).wall_s - 1.0 for _ in range(5))
    print("late, ms:", [round(1000 * each) for each in late], "memory full:", [round(1000 * each) for each in full])
    # The medians: on a machine that does other work too the worst of a few says little.
    assert late[10] < 0.05
    assert full[2] < 0.3


@pytest.mark.slow
def test_an_idle_sandbox_uses_no_processor(box: ProcessSandbox) -> None:
    box.run_many([RunRequest("python", "print(1)")] * 4)
    time.sleep(0.5)

    def used_s() -> float:
        stats = [Path(f"/proc/{pid}/schedstat") for pid in family(os.getpid())]
        return time.process_time() + sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9

    start = used_s()
    time.sleep(3)
    assert used_s() - start < 0.03
