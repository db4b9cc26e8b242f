"""How long do the pages of `rlvr view` take over 100,000 rollouts? The whole of a page, over HTTP.

Responses of 300 tokens; the journal is about 650 MB, and is made first. `--rollouts N` for another size.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import uvicorn

from rlvr.commands.listening import free_port
from rlvr.journal import Journal
from rlvr.samples import Judged, Prompt, Request, Rollout, Sample
from rlvr.view.app import create_app
from verifiers import Task, Verdict

GROUP, GROUPS, TOKENS, ROUNDS = 8, 64, 300, 5
FAMILIES = ("math", "code", "instructions")
WORDS = [f"w{number:04}" for number in range(3000)]
PAGES = {
    "first page": "",
    "status": "?status=error",
    "verifier and reward": "?verifier=math&reward_from=0.5",
    "steps": "?step_from=10&step_to=12",
    "disagreement": "?disagree=1",
    "disagreement, rare": "?disagree=1&status=error",
    "text that is common": "?q=w0001",
    "text that is nowhere": "?q=nothing+of+the+kind",
}
BARS_MS = {"first page": 1000.0}
"""The others: 500."""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rollouts", type=int, default=100_000)
    count: int = options.parse_args().rollouts
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        run.mkdir()
        made = write(run / "journal.sqlite", count)
        print(f"{made:,} rollouts, {(run / 'journal.sqlite').stat().st_size / 1e6:.0f} MB")
        with serving(run) as address:
            rows = {name: measured(f"{address}/r/run/-/rollouts{query}") for name, query in PAGES.items()}
            rows["the run"] = measured(f"{address}/r/run")
    for name, times in rows.items():
        bar = BARS_MS.get(name, 500.0)
        print(f"{name:22} first {times[0]:7.0f} ms   then {median(times[1:]):7.0f} ms   (bar {bar:.0f})")
    out = Path("runs/bench")
    out.mkdir(parents=True, exist_ok=True)
    (out / "view.json").write_text(json.dumps({"rollouts": made, "milliseconds": rows}, indent=2))


def measured(address: str) -> list[float]:
    """Milliseconds of each round, the first before anything was asked of that page."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        httpx.get(address, timeout=60).raise_for_status()
        times.append(1000 * (time.perf_counter() - start))
    return times


@contextmanager
def serving(run: Path) -> Iterator[str]:
    port = free_port("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(run), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def write(path: Path, count: int) -> int:
    rng, book = random.Random(0), Journal(path)
    batches = -(-count // (GROUP * GROUPS))
    for batch in range(batches):
        judged = [one for place in range(GROUPS) for one in group(rng, book, batch, place)]
        half = len(judged) // 2
        left = {"no_signal": [each.rollout.id for each in judged[half:]]}
        book.trained(batch + 1, [Sample(each.rollout, 0.5) for each in judged[:half]], left)
    book.close()
    return batches * GROUP * GROUPS


def group(rng: random.Random, book: Journal, batch: int, place: int) -> list[Judged]:
    name = FAMILIES[place % 3]
    text = " ".join(rng.choices(WORDS, k=TOKENS // 4))
    task = Task(id=f"{batch}-{place}", prompt=[{"role": "user", "content": text}], verifier=name, reference="1")
    ids = [f"{batch:06}/0/{place:04}/{sample:03}" for sample in range(GROUP)]
    prompt = Prompt(task, (1,) * (TOKENS // 2))
    book.issued(batch, [prompt] * GROUP, [Request(id, prompt.ids, 0) for id in ids])
    tokens = ((1,) * TOKENS, (1,) * TOKENS, (-0.1,) * TOKENS, (batch,) * TOKENS)
    rollouts = [Rollout(id, prompt.ids, *tokens, "stop", " ".join(rng.choices(WORDS, k=200))) for id in ids]
    book.generated(rollouts)
    judged = [Judged(rollout, verdict, verdict.score) for rollout in rollouts for verdict in [judge(rng, name)]]
    book.judged(judged)
    return judged


def judge(rng: random.Random, name: str) -> Verdict:
    about = {"verifier": name, "version": "1"}
    if rng.random() < 0.0005:
        return Verdict.error("down", **about)
    return Verdict.correct(**about) if rng.random() < 0.7 else Verdict.incorrect("different", **about)


if __name__ == "__main__":
    main()
