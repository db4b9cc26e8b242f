"""The fork server's machine code is what the assembler makes of its source, and its rows do what they say."""

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sandbox.process import kernel, native, walls
from sandbox.process.native import OPENED, Row

SOURCE = Path(native.__file__).with_suffix(".S")
CREATE = os.O_WRONLY | os.O_CREAT
BY_CODE = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the machine code is for x86_64")
Way = Callable[[Sequence[Row]], None]
WAYS = pytest.mark.parametrize(
    "carry_out", [pytest.param(native.carry_out, marks=BY_CODE), native.carry_out_by_library], ids=["code", "library"]
)


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("objcopy")), reason="no assembler (binutils) here")
def test_the_code_is_that_of_the_source(tmp_path: Path) -> None:
    assembled, code = tmp_path / "native.o", tmp_path / "native.bin"
    subprocess.run(["as", "-o", assembled, SOURCE], check=True, timeout=60)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", assembled, code], check=True, timeout=60)

    assert code.read_bytes() == native.CODE
    symbols = subprocess.run(["nm", assembled], check=True, timeout=60, capture_output=True, text=True).stdout
    assert f"{native.SERVE:016x} t serve" in symbols
    assert f"{native.INIT:016x} t init" in symbols
    assert f"{0:016x} t carry_out" in symbols


@WAYS
def test_rows_are_carried_out_in_order_on_what_was_opened(tmp_path: Path, carry_out: Way) -> None:
    file = tmp_path / "written"
    carry_out(
        [
            Row("open", (bytes(file), CREATE, 0o600)),
            Row("write", (OPENED, b"one", 3)),
            Row("write", (OPENED, b"two", 3)),
            Row("write", (OPENED, b"", 0)),
            Row("close", (OPENED,)),
        ]
    )

    assert file.read_bytes() == b"onetwo"
    assert file.stat().st_mode & 0o777 == 0o600


@WAYS
def test_a_row_that_fails_is_named_and_ends_the_table(tmp_path: Path, carry_out: Way) -> None:
    file = tmp_path / "never"
    rows = [
        Row("mkdir", (bytes(tmp_path / "made"), 0o700)),
        Row("open", (b"/nowhere/at/all", 0)),
        Row("open", (bytes(file), CREATE, 0o600)),
    ]

    with pytest.raises(FileNotFoundError, match="No such file or directory in row 1"):
        carry_out(rows)
    assert (tmp_path / "made").is_dir()
    assert not file.exists()


@WAYS
def test_rows_that_may_fail_hold_up_nothing(tmp_path: Path, carry_out: Way) -> None:
    folder = bytes(tmp_path / "made")
    carry_out([Row("mkdir", (folder, 0o700), may_fail=True)] * 2 + [Row("mkdir", (folder + b"/inner", 0o700))])

    assert (tmp_path / "made" / "inner").is_dir()


@WAYS
def test_arguments_that_are_not_given_are_zero(carry_out: Way) -> None:
    """As PR_SET_NO_NEW_PRIVS insists. In a fork, for it cannot be taken back."""
    child = os.fork()
    if child == 0:
        try:
            for _ in range(10):
                carry_out([walls.UNPRIVILEGED])
        finally:
            os._exit(sys.exc_info() != (None, None, None))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@WAYS
def test_what_is_written_in_part_only_has_failed(carry_out: Way) -> None:
    end, pipe = os.pipe()
    os.set_blocking(pipe, False)
    with pytest.raises(OSError, match="No space left on device in row 0"):
        carry_out([Row("write", (pipe, bytes(1 << 20), 1 << 20))])
    os.close(end)
    os.close(pipe)


@BY_CODE
def test_what_is_copied_in_part_only_has_failed() -> None:
    """As memory would be that is not there any more when its turn comes."""
    memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    hole = Row("munmap", (start + mmap.PAGESIZE, mmap.PAGESIZE))
    with pytest.raises(OSError, match="No space left on device in row 1"):
        native.carry_out([hole, Row("pwrite64", (os.memfd_create("copy"), start, 2 * mmap.PAGESIZE, 0))])


@BY_CODE
def test_a_row_far_down_a_table_is_named_too() -> None:
    with pytest.raises(OSError, match="in row 20000"):
        native.carry_out([*[Row("chdir", (b".",))] * 20_000, Row("close", (-7,))])


@BY_CODE
def test_the_code_cannot_be_written_to() -> None:
    address = kernel.executable(native.CODE)
    spans = [line.split()[:2] for line in Path("/proc/self/maps").read_text().splitlines()]
    rights = [right for span, right in spans if int(span.split("-")[0], 16) <= address < int(span.split("-")[1], 16)]

    assert rights == ["r-xp"]


@BY_CODE
def test_frozen_memory_reads_and_forks_as_before() -> None:
    """In a process of its own, for it stays frozen."""
    script = (
        "from sandbox.process import frozen, native\n"
        "import os\n"
        "kept = [str(each) for each in range(100_000)]\n"
        "native.carry_out(frozen.frozen(os.memfd_create('memory')))\n"
        "kept[7] = 'parent'\n"
        "if os.fork() == 0:\n"
        "    kept[7] = 'child'\n"
        "    os._exit(kept[6:9] != ['6', 'child', '8'])\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 0\n"
        "assert kept[:9] == ['0', '1', '2', '3', '4', '5', '6', 'parent', '8'] and kept[-1] == '99999'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
