"""What is shown of a pipeline while it runs, and at its end."""

import io
import json
from pathlib import Path

from rich.console import Console

from rlvr.display import Display, read_summary, table

SUMMARY = {
    "stages": {
        "base": {"accuracy": 0.0, "families": {"math": 0.0}},
        "[/rl]": {"accuracy": 0.9567, "families": {"math": 0.9, "code": 1.0}},
    },
    "seconds": 251.4,
    "seed": 3,
}


def shown(terminal: bool, folder: Path) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with Display(console) as display:
        display.watch("tasks", folder)
        display.watch("rl", folder / "none")
        display.watch("rl", folder)
        display.watch("sft", folder)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def write_rows(folder: Path) -> None:
    rows = [
        {"step": 1, "total": 9, "reward": 0.5, "validation/accuracy": 0.25, "tokens_per_s": 1234.5},
        {"step": 2, "total": 9, "reward": 0.625, "loss": 0.1234},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 3, "tot')


def test_elsewhere_than_on_a_terminal_a_line_now_and_then(tmp_path: Path) -> None:
    write_rows(tmp_path)
    newest = "reward 0.62  validation 25.0%  loss 0.123  tokens/s 1,234"
    assert shown(False, tmp_path).splitlines() == [
        "tasks  0/?  starting",
        "rl     0/?  starting",
        f"sft    2/9  {newest}",
    ]


def test_on_a_terminal_a_bar_a_stage(tmp_path: Path) -> None:
    write_rows(tmp_path)
    text = shown(True, tmp_path)
    assert "2/9" in text
    assert "validation 25.0%" in text


def test_the_table_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    console = Console(file=io.StringIO(), width=100)
    console.print(table(read_summary(tmp_path)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Held-out accuracy, greedy (seed 3, 251 s)" in " ".join(text.split())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "%" in line]
    assert rows == [["base", "0.0%", "-", "0.0%"], ["[/rl]", "95.7%", "100.0%", "90.0%"]]
