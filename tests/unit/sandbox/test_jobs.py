"""What a request may ask for: all that no run could carry out is refused in one line, before there is a run."""

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox import Limits, RunRequest, SandboxError, jobs
from sandbox.languages import Toolchain

WIDE = "\u6c49"
"""One character, three bytes."""


def refusal(language: str = "python", code: str = "", **rest: Any) -> str:
    with pytest.raises(SandboxError) as caught:
        jobs.check(RunRequest(language, code, **rest))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"wall_s": float("inf")}, "limits.wall_s must be above 0 and at most 86400, got inf"),
        ({"wall_s": float("nan")}, "limits.wall_s must be above 0 and at most 86400, got nan"),
        ({"wall_s": 1e10}, "limits.wall_s must be above 0 and at most 86400, got 10000000000.0"),
        ({"memory_mb": (1 << 20) + 1}, "limits.memory_mb must be above 0 and at most 1048576, got 1048577"),
        ({"file_mb": 1 << 50}, "limits.file_mb must be above 0 and at most 1048576, got 1125899906842624"),
        ({"processes": 32_769}, "limits.processes must be above 0 and at most 32768, got 32769"),
        ({"output_bytes": 1 << 40}, "limits.output_bytes must be above 0 and at most 1073741824, got 1099511627776"),
    ],
)
def test_limits_that_nothing_can_keep(limits: Mapping[str, Any], said: str) -> None:
    assert refusal(limits=Limits(**limits)) == said


def test_sizes_are_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    room = "limits.file_mb leaves room for 1048576"
    assert refusal(code=WIDE * 400_000, limits=Limits(file_mb=1)) == f"code and files need 1204096 bytes, {room}"
    assert refusal(fetch=[WIDE * 80] * 70) == "the paths to fetch must be at most 16384 bytes together"
    monkeypatch.setattr(jobs, "_MOST_BYTES", 1000)  # a true one would take the test seconds
    assert refusal(stdin=WIDE * 400) == "code, stdin and files together must be at most 1 GiB"


@pytest.mark.parametrize("args", [["x" * (1 << 17)], [WIDE * 50_000]])
def test_an_argument_that_is_too_long(args: list[str]) -> None:
    assert refusal(args=args) == "each of args must be at most 131071 bytes"


@pytest.mark.parametrize("args", [[""] * (1 << 18), ["x" * 100_000] * 11])
def test_more_arguments_than_a_program_can_be_given(args: list[str]) -> None:
    assert refusal(args=args) == "args must be at most 1048576 bytes together, with 9 more for each"


def test_a_compiler_has_room_of_its_own() -> None:
    said = refusal("cpp", files={"data": bytes(600 << 20)}, limits=Limits(file_mb=1024))
    assert said == "code and files need 629153792 bytes, compiling leaves room for 536870912"


@pytest.mark.parametrize("path", ["x" * 256, f"a/{WIDE * 86}/b", "/".join(["x"] * 513)])
def test_paths_that_are_too_long(path: str) -> None:
    said = f"paths must be at most 1024 bytes, 255 between slashes, got {path[:80]!r}"
    assert refusal(files={path: b""}) == refusal(fetch=[path]) == said


@pytest.mark.parametrize("text", ["\ud800", "\udcc3\udca9"])
def test_lone_surrogates_that_stand_for_no_bytes(text: str) -> None:
    """Or for those of another text, so that two names would be one."""
    said = f"paths and args must be text, or bytes as os.fsdecode gives them, got {text!r}"
    assert refusal(files={text: b""}) == refusal(fetch=[text]) == refusal(args=[text]) == said


@pytest.mark.parametrize("path", ["f/g", "f/g/h"])
def test_a_file_that_is_a_folder(path: str) -> None:
    assert refusal(files={"f": b"", path: b""}) == "'f' is among the files and a folder of others, it cannot be both"


@pytest.mark.parametrize(
    ("paths", "count"),
    [([f"{n}" for n in range(4001)], 8002), ([f"a/{n}/{m}" for n in range(3000) for m in "xy"], 9002)],
)
def test_more_files_than_there_is_room_for(paths: list[str], count: int) -> None:
    what = "files, their folders and a link for each name at the top must be at most 8000 together"
    assert refusal(files=dict.fromkeys(paths, b"")) == f"{what}, got {count}"


@pytest.mark.parametrize(
    ("language", "code", "path"),
    [
        ("bash", "", "main.sh"),
        ("bash", "", "main.sh/x"),
        ("cpp", "", "main.cpp/x"),
        ("cpp", "", "main"),
        ("cpp", "", "main/x"),
        ("java", "public class Own {}", "Own.java/x"),
        ("java", "class Own {}", "Main.java"),
        ("java", "public class Own {}", "main.jar"),
    ],
)
def test_the_program_cannot_be_among_the_files(language: str, code: str, path: str) -> None:
    name = path.partition("/")[0]
    said = f"{name!r} is the program itself and cannot be among the files too"
    assert refusal(language, code, files={path: b""}) == said
    jobs.check(RunRequest("python", code, files={path: b""}))


def test_a_program_that_names_itself_after_a_file_is_not_refused() -> None:
    """It could have its failures forgiven so."""
    request = RunRequest("java", "public class Own {}", files={"Own.java": b"", "Main.java": b""})
    language = jobs.check(request)
    assert jobs.compiling(request, language, Toolchain((), (), ())).files["Own.java"] == b"public class Own {}"
