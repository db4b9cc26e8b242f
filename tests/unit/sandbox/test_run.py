"""The contract of a run: what goes in, what comes out, and which status each ending gets."""

import signal
import time

import pytest

from sandbox import Limits, RunRequest, Sandbox, SandboxError, open_sandbox


@pytest.fixture(scope="session")
def box(any_box: Sandbox) -> Sandbox:
    return any_box


def python(code: str, **rest: object) -> RunRequest:
    return RunRequest("python", code, **rest)  # type: ignore[arg-type]


def test_output_and_exit_code_come_back(box: Sandbox) -> None:
    result = box.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (result.status, result.exit_code, result.signal) == ("error", 3, None)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert (result.backend, result.layers) == (box.backend, box.layers)


def test_a_clean_run_is_ok(box: Sandbox) -> None:
    result = box.run(python("print(1)"))
    assert (result.status, result.exit_code, result.stdout) == ("ok", 0, "1\n")
    assert 0 < result.wall_s < 5
    assert result.cpu_s > 0
    assert result.max_rss > 1 << 20


def test_programs_do_not_pay_for_modules_of_ours(box: Sandbox) -> None:
    """`threading`, once loaded, takes part in every fork and at every end; mappings are copied by each fork."""
    assert box.run(python("import sys; print('threading' in sys.modules)")).stdout == "False\n"
    if box.backend == "process":
        assert int(box.run(python("print(len(open('/proc/self/maps').readlines()))")).stdout) < 60


def test_stdin_args_and_files_go_in(box: Sandbox) -> None:
    code = "import sys, helper; print(input(), sys.argv, open('data/a.txt').read(), helper.x)"
    files = {"data/a.txt": b"A", "helper.py": b"x = 7"}
    result = box.run(python(code, stdin="line", args=["p", "q"], files=files))
    assert result.stdout == "line ['main.py', 'p', 'q'] A 7\n"


def test_files_are_found_next_to_the_script(box: Sandbox) -> None:
    code = "from pathlib import Path; print((Path(__file__).parent / 'd.txt').read_text())"
    assert box.run(python(code, files={"d.txt": b"here"})).stdout == "here\n"


def test_files_go_before_modules_as_under_plain_python(box: Sandbox) -> None:
    """Only what Python could import does, and not before what it has at its start."""
    names = ("sys", "sys.py", "builtins.py", "encodings.py", "enum", "json/data.txt", "io.py")
    code = """
import builtins, encodings, enum, io, json, re, sys
print(isinstance(re.I, enum.Enum), sys.argv, json.loads("1"), builtins is __builtins__)
print(hasattr(encodings, "search_function"), io.open)
"""
    result = box.run(python(code, files=dict.fromkeys(names, b"x = 7")))
    assert result.stdout == "True ['main.py'] 1 True\nTrue <built-in function open>\n"
    own = {"random.py": b"x = 1", "json/__init__.py": b"x = 2"}
    assert box.run(python("import json, random; print(random.x, json.x)", files=own)).stdout == "1 2\n"


def test_the_working_folder_holds_the_files_alone(box: Sandbox) -> None:
    code = "import os; print(os.getcwd(), sorted(os.listdir('.')))"
    assert box.run(python(code, files={"a": b""})).stdout == "/tmp ['a']\n"


@pytest.mark.parametrize("size", [0, 1, 1 << 16, 5_000_000])
def test_stdin_of_any_size(box: Sandbox, size: int) -> None:
    result = box.run(python("import sys; print(len(sys.stdin.buffer.read()))", stdin=b"x" * size))
    assert result.stdout == f"{size}\n"


def test_stdin_that_nobody_reads_holds_up_nothing(box: Sandbox) -> None:
    assert box.run(python("print('done')", stdin=b"x" * 5_000_000)).stdout == "done\n"


def test_files_come_back(box: Sandbox) -> None:
    code = (
        "import os; os.mkdir('d'); open('d/a', 'wb').write(bytes(range(256))); open('big', 'w').write('b' * 3_000_000)"
    )
    result = box.run(python(code, fetch=["d/a", "big", "absent"]))
    assert result.files == {"d/a": bytes(range(256)), "big": b"b" * 3_000_000}


def test_many_files_go_in_and_come_back(box: Sandbox) -> None:
    """More than a message between the sandbox's processes holds by itself."""
    files = {f"a/b{number % 7}/{number}": b"%d" % number for number in range(1500)}
    code = "import os; print(sum(len(names) for _, _, names in os.walk('a')))"
    result = box.run(python(code, files=files, fetch=list(files)))
    assert result.stdout == "1500\n"
    assert result.files == files


@pytest.mark.parametrize(
    "plant",
    [
        "os.symlink('/etc/passwd', 'f')",
        "os.symlink('real', 'f'); open('real', 'w').write('x')",
        "os.mkfifo('f')",
        "os.mkdir('f')",
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('f')",
    ],
)
def test_only_regular_files_are_fetched(box: Sandbox, plant: str) -> None:
    result = box.run(python(f"import os\n{plant}", fetch=["f"]))
    assert (result.status, result.files) == ("ok", {})


def test_no_symlink_is_followed_on_the_way_to_a_file(box: Sandbox) -> None:
    result = box.run(python("import os; os.symlink('/etc', 'd')", fetch=["d/passwd"]))
    assert result.files == {}


def test_a_signal_is_an_error(box: Sandbox) -> None:
    result = box.run(python("import os; os.abort()"))
    assert (result.status, result.exit_code, result.signal) == ("error", None, signal.SIGABRT)


def test_timeout(box: Sandbox) -> None:
    start = time.monotonic()
    result = box.run(python("print('begun', flush=True)\nwhile True: pass", limits=Limits(wall_s=0.5)))
    assert (result.status, result.stdout) == ("timeout", "begun\n")
    assert 0.5 <= result.wall_s < 1
    assert time.monotonic() - start < 10  # a container may have to be started first


def test_memory(box: Sandbox) -> None:
    code = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    assert box.run(python(code, limits=Limits(memory_mb=64))).status in ("memory", "error")


def test_memory_of_all_processes_together(box: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(32 << 20); time.sleep(20); os._exit(0)\n"
        "time.sleep(20)"
    )
    assert box.run(python(code, limits=Limits(memory_mb=128, wall_s=8))).status == "memory"


def test_output_over_the_limit(box: Sandbox) -> None:
    result = box.run(python("while True: print('x' * 1000)", limits=Limits(output_bytes=10_000)))
    assert (result.status, result.truncated, len(result.stdout)) == ("output", True, 10_000)


def test_output_of_exactly_the_limit(box: Sandbox) -> None:
    result = box.run(python("print('x' * 9_999)", limits=Limits(output_bytes=10_000)))
    assert (result.status, result.truncated, len(result.stdout)) == ("ok", False, 10_000)


def test_big_output_then_exit(box: Sandbox) -> None:
    result = box.run(python("print('x' * 1_000_000)"))
    assert (result.status, len(result.stdout)) == ("ok", 1_000_001)


def test_broken_utf8_is_replaced(box: Sandbox) -> None:
    assert box.run(python(r"import os; os.write(1, b'a\xffb')")).stdout == "a\ufffdb"


def test_a_program_cannot_bring_about_sandbox_error(box: Sandbox) -> None:
    tries = [
        "import os; os.kill(1, 9); os.kill(os.getppid(), 15); os.kill(-1, 9)",
        "import os; [os.close(fd) for fd in range(3)]; os.closerange(0, 1000); os._exit(77)",
        "import resource; resource.prlimit(1, resource.RLIMIT_CPU, (0, 0))",
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'x' * 100)\n    except OSError: pass",
        "import sys; sys.exit(1)",
    ]
    assert all(result.status in ("ok", "error", "killed") for result in box.run_many(map(python, tries)))


def test_runs_see_nothing_of_each_other(box: Sandbox) -> None:
    box.run(python("open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')"))
    code = "import os; print(os.path.exists('/tmp/left'), os.path.exists('/dev/shm/left'))"
    assert {result.stdout for result in box.run_many([python(code)] * 4)} == {"False False\n"}


def test_many_keep_their_order(box: Sandbox) -> None:
    results = box.run_many(python(f"import time; time.sleep({(9 - n) % 3 / 50}); print({n})") for n in range(9))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(9)]


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "", ".", "a//b", "./a", "a\0b"])
def test_paths_that_leave_the_folder_are_refused(box: Sandbox, path: str) -> None:
    with pytest.raises(SandboxError, match="relative"):
        box.run(python("", files={path: b""}))
    with pytest.raises(SandboxError, match="relative"):
        box.run(python("", fetch=[path]))


def test_limits_below_nothing_are_refused(box: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"limits\.wall_s must be above 0 and at most 86400, got 0"):
        box.run(python("", limits=Limits(wall_s=0)))


def test_unknown_language(box: Sandbox) -> None:
    with pytest.raises(SandboxError, match="got 'cobol'"):
        box.run(RunRequest("cobol", ""))


def test_open_sandbox_gives_the_layers_asked_for() -> None:
    with open_sandbox("process", require={"user", "pid", "net", "mnt", "ipc", "uts", "seccomp"}) as sandbox:
        assert sandbox.run(python("print(1)")).layers == sandbox.layers


def test_files_that_cannot_be_laid_out_are_refused(box: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"need 3158016 bytes, limits\.file_mb leaves room for 1048576"):
        box.run(python("", files={"f": b"x" * (3 << 20), "g": b""}, limits=Limits(file_mb=1)))
    with pytest.raises(SandboxError, match="'f' is among the files and a folder"):
        box.run(python("", files={"f": b"", "f/g": b""}))


@pytest.mark.parametrize(
    ("files", "limits"),
    [
        ({f"{number}": b"" for number in range(4000)}, Limits()),
        ({f"{number:03}{'x' * 200}": b"x" for number in range(126)}, Limits(file_mb=1)),
        ({"/".join("x" * 512): b"", "y" * 255: b""}, Limits()),
    ],
)
def test_what_is_not_refused_can_be_laid_out(box: Sandbox, files: dict[str, bytes], limits: Limits) -> None:
    code = "import os; print(sum(len(names) for _, _, names in os.walk('.')))"
    assert box.run(python(code, files=files, limits=limits)).stdout == f"{len(files)}\n"


@pytest.mark.parametrize("name", ["main.py", "main.py/x"])
def test_a_file_of_the_script_s_name_is_another_one(box: Sandbox, name: str) -> None:
    code = f"print(open({name!r}).read(), len(open(__file__).read()))"
    assert box.run(python(code, files={name: b"own"})).stdout == f"own {len(code)}\n"


def test_names_and_arguments_need_not_be_text(box: Sandbox) -> None:
    code = "import sys; open(sys.argv[1], 'wb').write(open(b'\\xfe', 'rb').read())"
    result = box.run(python(code, files={"\udcfe": b"A"}, args=["\udcff"], fetch=["\udcff"]))
    assert result.files == {"\udcff": b"A"}


def test_input_and_code_need_not_be_text(box: Sandbox) -> None:
    assert box.run(python("print(ascii(open(0, 'rb').read()))", stdin="\ud800")).stdout == "b'\\xed\\xa0\\x80'\n"
    assert box.run(python("'\ud800'")).status == "error"


def test_a_huge_file_with_nothing_in_it_stays_behind(box: Sandbox) -> None:
    code = "open('small', 'w').write('x'); open('huge', 'w').truncate(3 << 30)"
    result = box.run(python(code, fetch=["huge", "small"], limits=Limits(file_mb=4096)))
    assert (result.status, result.files) == ("ok", {"small": b"x"})


def test_files_come_back_as_far_as_there_is_room(box: Sandbox) -> None:
    """Sparse ones need none inside; together they are at most what the run may write."""
    code = (
        "import os\nfor name, size in ('a', 40), ('b', 40), ('c', 10): "
        "os.truncate(os.open(name, os.O_CREAT | os.O_RDWR), size << 20)"
    )
    result = box.run(python(code, fetch=["a", "b", "c"], limits=Limits(file_mb=64)))
    assert {name: len(content) for name, content in result.files.items()} == {"a": 40 << 20, "c": 10 << 20}


def test_what_a_killed_run_used_is_told(box: Sandbox) -> None:
    spinning = box.run(python("while True: pass", limits=Limits(wall_s=1)))
    assert spinning.status == "timeout"
    assert 0.5 < spinning.cpu_s < 1.5
    assert spinning.max_rss > 1 << 20
    filled = box.run(python("x = bytearray(1 << 30)", limits=Limits(memory_mb=64)))
    assert (filled.status, filled.max_rss >= 64 << 20) == ("memory", True)


def test_kept_modules_are_there_for_who_knows_of_them() -> None:
    kept = {
        "own.base": compile("count = 1", "base.py", "exec"),
        "own.more": compile("from own.base import count\ncount += 1", "more.py", "exec"),
    }
    take = "import sys; sys.modules.update(sys.modules['_sandbox_kept'].modules); from own.more import count; "
    with open_sandbox("process", parallel=1, kept=kept) as sandbox:
        taken = sandbox.run(python(take + "sys.modules['own.more'].count = 7; print(count)"))
        again = sandbox.run(python(take + "print(count)"))
        not_seen = sandbox.run(python("import own"))
    assert (taken.stdout, again.stdout) == ("2\n", "2\n")
    assert "No module named 'own'" in not_seen.stderr


def test_the_time_of_children_that_nobody_waited_for_counts(box: Sandbox) -> None:
    code = (
        "import os, time\nr, w = os.pipe()\nif os.fork() == 0:\n    while time.process_time() < 0.5: pass\n"
        "    os.write(w, b'x'); time.sleep(60)\nos.read(r, 1); os._exit(0)"
    )
    result = box.run(python(code))
    assert result.status == "ok"
    if box.backend == "process":
        assert result.cpu_s > 0.4


def test_an_exit_code_that_is_too_large(box: Sandbox) -> None:
    assert box.run(python("raise SystemExit(1 << 70)")).exit_code == 255
