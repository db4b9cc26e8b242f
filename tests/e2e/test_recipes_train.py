"""Data of the FLAN and Orca recipes train a model: SFT on them raises accuracy, RL on checked answers raises it more.

What that costs on raw text is measured, too: a model beside itself pays nothing at all. Everything is real but the
size: the teacher is an HTTP server that knows the tasks and makes mistakes, as teachers do.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rlvr.data.canonical import stream
from rlvr.tasks import procedural

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

SLIP = 0.5
ORCA = """
out = "{0}/orca"
small = {{ kind = "openai", url = "{1}", model = "weak" }}
large = {{ kind = "openai", url = "{1}", model = "strong" }}
[collections.words]
data = "{0}/flan/train.jsonl"
count = 800
systems = ["empty", "long"]
"""
MIX = """
out = "{0}/mix"
[parts]
flan = {{ path = "{0}/flan/train.jsonl" }}
orca = {{ path = "{0}/orca/stage1.jsonl" }}
"""
PIPELINE = """
stage = "pipeline"
out = "{0}/run"

[scratch]
demonstrations = 1200
shares = {{ instructions = 1 }}
tasks = 600
validation = 60
held_out = 150

[sft]
data = "{0}/mix/mixture.jsonl"
batch_size = 64
max_tokens = 200
optim = {{ lr = 4e-3, warmup_steps = 10, schedule = "cosine" }}

[rl]
tasks = {{ train = "{{out}}/tasks/train.jsonl", validation = "{{out}}/tasks/validation.jsonl" }}
steps = 24
prompts_per_step = 32
sampling = {{ max_tokens = 24 }}
max_lag = 0
evaluate_every = 8
optim = {{ lr = 2e-4, warmup_steps = 2 }}

[evaluate]
models = {{ base = "{{out}}/base", again = "{{out}}/base", sft = "{{out}}/sft/model", rl = "{{out}}/rl/model" }}
tasks = "{{out}}/tasks/held_out.jsonl"
sampling = {{ temperature = 0.0, max_tokens = 24 }}
tax = {{ texts = "{0}/raw.txt", context = 256, stride = 128 }}
"""
RAW_TEXT = Path(__file__).parents[2] / "README.md"


def said(problem: procedural.Problem, teacher: str) -> str:
    """The weak teacher slips half the time, the strong one never."""
    slips = teacher == "weak" and stream("slip", problem.prompt).random() < SLIP
    return problem.slipped if slips else problem.right


class Teacher(BaseHTTPRequestHandler):
    """Answers chat completions from what it knows."""

    known: dict[str, procedural.Problem]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = said(self.known[asked["messages"][-1]["content"]], asked["model"])
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 8}
        body = json.dumps({"model": asked["model"], "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def problems() -> list[procedural.Problem]:
    return list(islice(procedural.problems(0, "train", "instructions"), 9000))


@pytest.fixture(scope="module")
def teacher(problems: list[procedural.Problem]) -> Iterator[str]:
    Teacher.known = {problem.prompt: problem for problem in problems}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teacher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def rlvr(folder: Path, name: str, text: str, *command: str) -> None:
    path = folder / f"{name}.toml"
    path.write_text(text)
    whole = [sys.executable, "-m", "rlvr.cli", *command, str(path)]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sft_on_recipes_and_then_rl(problems: list[procedural.Problem], teacher: str, tmp_path: Path) -> None:
    kinds: dict[str, list[procedural.Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.prompt.split()[0].lower(), []).append(problem)
    flan = f'out = "{tmp_path}/flan"\nrate_cap = 3000\n'
    for kind, found in kinds.items():
        rows = [problem.fields | {"answer": said(problem, "weak")} for problem in found]
        (tmp_path / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        templates = json.dumps([{"input": found[0].template.input}]).replace(":", " =")
        flan += f'[datasets.{kind}]\npath = "{tmp_path}/{kind}.jsonl"\ncluster = "{kind}"\ntemplates = {templates}\n'
    rlvr(tmp_path, "flan", flan, "data", "flan", "--local")
    rlvr(tmp_path, "orca", ORCA.format(tmp_path, teacher), "data", "orca", "--local")
    rlvr(tmp_path, "mix", MIX.format(tmp_path), "data", "mix")
    manifest = json.loads((tmp_path / "mix" / "mixture.jsonl.manifest.json").read_text())
    assert manifest["rows"] >= 8800
    (tmp_path / "raw.txt").write_text(RAW_TEXT.read_text().replace("\n## ", "\n---\n## "))
    rlvr(tmp_path, "pipeline", PIPELINE.format(tmp_path), "pipeline")
    stages = json.loads((tmp_path / "run" / "summary.json").read_text())["stages"]
    accuracy = {name: stage["accuracy"] for name, stage in stages.items()}
    assert accuracy["sft"] >= accuracy["base"] + 0.2, accuracy
    assert accuracy["rl"] >= accuracy["sft"] + 0.05, accuracy
    tax = json.loads((tmp_path / "run" / "evaluate" / "summary.json").read_text())["tax"]["models"]
    nothing = {"value": 0.0, "interval": [0.0, 0.0]}
    assert tax["again"]["change"] == {"bits_per_byte": nothing, "perplexity": nothing}
    assert tax["sft"]["change"]["bits_per_byte"]["value"] != 0.0
