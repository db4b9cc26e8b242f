"""Three typos, three lines that say what was meant, exit 2, and no Ray."""

import subprocess
import sys
from pathlib import Path

CONFIG = """
stage = "rl"
modle = "base"
out = "runs/x"
prompts_per_stp = 8
[tasks]
train = "gsm8k"
[sampling]
temprature = 1.0
"""


def test_three_typos_are_three_lines_before_ray_starts(tmp_path: Path) -> None:
    (tmp_path / "rl.toml").write_text(CONFIG)
    command = [sys.executable, "-X", "importtime", "-m", "rlvr.cli", "rl", "rl.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(errors) == 3
    assert all(line.startswith("error: rl.toml: ") for line in errors), errors
    for meant in ("model", "prompts_per_step", "temperature"):
        assert any(f"did you mean {meant!r}?" in line for line in errors), (meant, errors)
    assert not any(line.rsplit("|")[-1].strip() in ("ray", "torch") for line in done.stderr.splitlines())
    assert not (tmp_path / "runs").exists()
