"""The fork server's machine code is what the assembler makes of its source, and its rows do what they say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.process import kernel, native
from sandbox.process.native import OPENED, Row

SOURCE = Path(native.__file__).with_suffix(".S")
OPEN, WRITE, CLOSE = 2, 1, 3


@pytest.mark.skipif(not (shutil.which("as") and shutil.which("objcopy")), reason="no assembler (binutils) here")
def test_the_code_is_that_of_the_source(tmp_path: Path) -> None:
    assembled, code = tmp_path / "native.o", tmp_path / "native.bin"
    subprocess.run(["as", "-o", assembled, SOURCE], check=True, timeout=60)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", assembled, code], check=True, timeout=60)

    assert code.read_bytes() == native.CODE
    symbols = subprocess.run(["nm", assembled], check=True, timeout=60, capture_output=True, text=True).stdout
    assert f"{native.BIRTH:016x} t birth" in symbols
    assert f"{0:016x} t carry_out" in symbols


def test_rows_are_carried_out_in_order_on_what_was_opened(tmp_path: Path) -> None:
    file = tmp_path / "written"
    native.carry_out(
        [
            Row(OPEN, (bytes(file), os.O_WRONLY | os.O_CREAT, 0o600)),
            Row(WRITE, (OPENED, b"one", 3)),
            Row(WRITE, (OPENED, b"two", 3)),
            Row(CLOSE, (OPENED,)),
        ]
    )

    assert file.read_bytes() == b"onetwo"


def test_a_row_that_fails_is_named_and_ends_the_table(tmp_path: Path) -> None:
    file = tmp_path / "never"
    rows = [Row(OPEN, (b"/nowhere/at/all", 0)), Row(OPEN, (bytes(file), os.O_WRONLY | os.O_CREAT, 0o600))]

    with pytest.raises(FileNotFoundError, match="row 0"):
        native.carry_out(rows)
    assert not file.exists()


def test_the_code_cannot_be_written_to() -> None:
    address = kernel.executable(native.CODE)
    spans = [line.split()[:2] for line in Path("/proc/self/maps").read_text().splitlines()]
    rights = [right for span, right in spans if int(span.split("-")[0], 16) <= address < int(span.split("-")[1], 16)]

    assert rights == ["r-xp"]


def test_frozen_memory_reads_and_forks_as_before() -> None:
    """In a process of its own, for it stays frozen."""
    script = (
        "from sandbox.process import frozen\n"
        "import os\n"
        "kept = [str(each) for each in range(100_000)]\n"
        "frozen.freeze(os.memfd_create('memory'))\n"
        "kept[7] = 'parent'\n"
        "if os.fork() == 0:\n"
        "    kept[7] = 'child'\n"
        "    os._exit(kept[6:9] != ['6', 'child', '8'])\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 0\n"
        "assert kept[:9] == ['0', '1', '2', '3', '4', '5', '6', 'parent', '8'] and kept[-1] == '99999'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
