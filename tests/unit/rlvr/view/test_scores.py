"""Scores as the evaluation left them, and the tables and the page that are made of them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from rlvr.view import paper
from rlvr.view.comparison import write_comparison
from rlvr.view.scores import ALL, read_scores


def spread(right: int, count: int, first: int = 0) -> dict[str, float]:
    return {f"t{first + place}": float(place < right) for place in range(count)}


def test_other_tasks_give_newcombes_interval_of_all_of_them() -> None:
    found = paper.gain(spread(48, 80, first=30), spread(56, 70))  # Newcombe (1998), Table II, case a, method 10
    assert [round(each, 4) for each in found] == [0.2, 0.0524, 0.3339]


def test_the_same_tasks_are_paired() -> None:
    before = {"a": 0.0, "b": 0.0, "c": 1.0, "d": 1.0}
    found = paper.gain(before, {"a": 1.0, "b": 0.0, "c": 1.0, "d": 1.0})
    assert found.value == 0.25
    assert found.low == 0.0  # no task got worse, so no resample can be below
    assert paper.gain(before, before) == (0.0, 0.0, 0.0)


@pytest.fixture
def evaluated(demo: Path) -> Path:
    """The demo's run with the responses of its evaluation: rl right on tasks that base gets wrong."""
    for model, right in (("base", 0), ("sft", 4), ("dpo", 6), ("rl", 9)):
        with (demo / "evaluate" / f"{model}.jsonl").open("w") as file:
            for place in range(20):
                verdict = {"score": None if place == 19 else float(place % 10 < right)}
                source = "procedural:math" if place < 10 else None
                task = {"id": f"t{place}", "verifier": "code", "source": source}
                file.write(json.dumps({"task": task, "response": "x", "verdict": verdict}) + "\n")
    return demo


def test_scores_are_read_by_benchmark(evaluated: Path) -> None:
    found = read_scores(evaluated)
    assert list(found) == ["base", "sft", "dpo", "rl"]
    assert list(found["rl"]) == ["code", "math", ALL]
    assert sum(found["rl"][ALL].values()) == 18
    assert len(found["rl"][ALL]) == 19  # one could not be judged
    assert read_scores(evaluated / "rl") == {}


def test_suites_are_benchmarks_and_samples_of_a_task_are_averaged(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"models": {"rl": {}}, "suites": {"gsm8k": {}, "ifeval": {}}}))
    for suite, scores in (("gsm8k", [1, 0, 0, 0]), ("ifeval", [1, 1, 1, 0])):
        (tmp_path / suite).mkdir()
        rows = [{"task": {"id": f"t{i // 2}", "verifier": "v"}, "verdict": {"score": s}} for i, s in enumerate(scores)]
        (tmp_path / suite / "rl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_scores(tmp_path)["rl"]
    assert found["gsm8k"] == {"t0": 0.5, "t1": 0.0}
    assert found[ALL] == {"gsm8k/t0": 0.5, "gsm8k/t1": 0.0, "ifeval/t0": 1.0, "ifeval/t1": 0.5}


def test_a_table_for_a_paper(evaluated: Path) -> None:
    rows = paper.of_run(read_scores(evaluated))
    assert rows[0] == ["model", "code", "math", "all"]
    assert [row[0] for row in rows[1:]] == ["Base", "SFT", "DPO", "RL", "SFT − Base", "DPO − SFT", "RL − DPO"]
    assert rows[4][2] == "90.0 [59.6, 98.2]"
    assert rows[7][2].startswith("+30.0 [+")
    told = paper.markdown(rows)
    assert told.splitlines()[1] == "| --- | ---: | ---: | ---: |"
    latex = paper.latex([["a_b", "x & y"], ["SFT − Base", "−1.0 [−2.0, +1.0]"]])
    assert r"a\_b & x \& y \\" in latex
    assert r"SFT -- Base & $-$1.0 [$-$2.0, +1.0] \\" in latex


def test_two_runs_on_one_page(evaluated: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "demo"
    other.parent.mkdir()
    shutil.copytree(evaluated, other)
    text = (other / "rl" / "config.toml").read_text()
    (other / "rl" / "config.toml").write_text(text + "steps = 7\n[optim]\nlr = 0.5\n")
    lines = (other / "evaluate" / "rl.jsonl").read_text().replace('"score": 0.0', '"score": 1.0')
    (other / "evaluate" / "rl.jsonl").write_text(lines)
    page = write_comparison(evaluated, other, tmp_path / "both.html").read_text()
    assert "difference, RL" in page
    assert "+5.3 [" in page  # 1 of 19 tasks more
    assert "Validation accuracy" in page
    assert "rl.optim.lr" in page
    assert "rl.steps" in page
    assert "scratch.slip" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_settings_of_the_pipeline_itself_are_compared(evaluated: Path, tmp_path: Path) -> None:
    """Those of a stage once, as the stage had them, and as the pipeline says where the stage has not begun."""
    other = tmp_path / "other"
    shutil.copytree(evaluated, other)
    for run, slip in ((evaluated, 0.6), (other, 0.4)):
        written = f'seed = 3\n[scratch]\nslip = {slip}\n[rl.optim]\nlr = {slip}\n[later]\ntext = """a\n{slip} = b"""\n'
        (run / "config.toml").write_text(f'stage = "pipeline"\nout = "{run}"\n{written}')
        (run / "rl" / "config.toml").write_text('stage = "rl"\noptim = { lr = 0.5 }\n')
    page = write_comparison(evaluated, other, tmp_path / "both.html").read_text()
    differing = re.findall(
        r'<th scope="row">([^<]+)</th><td>([^<]+)</td><td>([^<]+)</td>', page.partition("Settings that")[2]
    )
    assert [(key, one, two) for key, one, two in differing] == [
        ("later.text", "&#34;a\\n0.6 = b&#34;", "&#34;a\\n0.4 = b&#34;"),
        ("scratch.slip", "0.6", "0.4"),
    ]
