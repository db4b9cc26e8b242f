"""The demo's RL stage with vLLM in place of transformers, unchanged otherwise: what both learn from one DPO model.

    .venv-vllm/bin/python tests/bench/engines.py RUN [a.b=c ...]

RUN: the run directory of a whole `rlvr demo`; its RL stage is the one with transformers. With overrides of that stage
(`steps=20`) both are trained. Greedy accuracy on the held-out tasks, one line each; it fails when vLLM's is more than 5
points lower. `make test-vllm` makes the environment.
"""

import json
import subprocess
import sys
from pathlib import Path

POINTS = 5.0
EVALUATE = """
stage = "eval"
out = "{out}/evaluate"
models = {{ dpo = "{run}/dpo/model", transformers = "{transformers}", vllm = "{out}/vllm/model" }}
tasks = "{run}/tasks/held_out.jsonl"
sampling = {{ temperature = 0.0, max_tokens = 40 }}
"""


def rlvr(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "rlvr.cli", *arguments], check=True, stdout=sys.stderr)


def main() -> None:
    run, overrides = Path(sys.argv[1]).absolute(), sys.argv[2:]
    out = run / "engines"
    for kind in ("transformers", "vllm") if overrides else ("vllm",):
        rlvr("rl", str(run / "rl" / "config.toml"), f'out="{out / kind}"', f'engine.kind="{kind}"', *overrides)
    transformers = (out / "transformers" if overrides else run / "rl") / "model"
    config = out / "evaluate.toml"
    config.write_text(EVALUATE.format(run=run, out=out, transformers=transformers))
    rlvr("eval", str(config))
    models = json.loads((out / "evaluate" / "summary.json").read_text())["models"]
    for name, scores in models.items():
        print(f"{name:<12} accuracy {100 * scores['accuracy']:.1f}", flush=True)
    delta = 100 * (models["vllm"]["accuracy"] - models["transformers"]["accuracy"])
    print(f"vllm less transformers {delta:+.1f}")
    sys.exit(delta < -POINTS)


if __name__ == "__main__":
    main()
