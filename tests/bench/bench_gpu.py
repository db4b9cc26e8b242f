"""The learner on a GPU: tokens a second, share of the peak (MFU) and peak memory, for random models shaped like Qwen3.

    python tests/bench/bench_gpu.py [0.6B] [1.7B] [a.b=c ...]

One optimizer step of GRPO on 16k tokens, packed, bfloat16 with fp32 masters; `a.b=c` changes the configuration, such as
`scale.attention=flash_attention_2`. Without a GPU it says so, and runs a tiny shape to show that it works.
"""

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Qwen3Config
from transformers.utils.logging import disable_progress_bar

from measure import report
from ragged import rollouts
from rlvr.config import RL
from rlvr.learner.ranks import Ranks
from rlvr.learner.step import Learner
from rlvr.settings import load

PROMPT = 24
SIZES = [8192, 4096, 2048, 1024, 512, 256, 128, 64, 32]
"""Prompt and response of each sequence: ragged, and 16k tokens in all."""
COMMON: dict[str, Any] = {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936}
SHAPES: dict[str, dict[str, Any]] = {
    "0.6B": {**COMMON, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28},
    "1.7B": {**COMMON, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28},
    "tiny": {
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 2048,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
    },
}
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bfloat16 operations a second, from the vendor's data sheets."""
STEPS = 5


def main() -> None:
    disable_progress_bar()
    gpu = torch.cuda.is_available()
    if not gpu:
        print("no GPU here: a tiny shape on the CPU shows that the script works, and its figures say nothing")
    names = [name for name in sys.argv[1:] if "=" not in name] or (["0.6B", "1.7B"] if gpu else ["tiny"])
    overrides = [text for text in sys.argv[1:] if "=" in text]
    figures = {}
    for name in names:
        scale = 1 if gpu else 16
        figures |= {f"{name}, {what}": value for what, value in measured(name, overrides, scale).items()}
    report("gpu" if gpu else "gpu_none", figures)


def measured(name: str, overrides: list[str], shorter: int) -> dict[str, float]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = Qwen3Config(**SHAPES[name], tie_word_embeddings=True, max_position_embeddings=32768)
    sizes = [size // shorter for size in SIZES if size // shorter > PROMPT]
    samples = rollouts([size - PROMPT for size in sizes], config.vocab_size)
    with TemporaryDirectory() as folder:
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        learner = Learner(settings(Path(folder), overrides), Ranks(device=device))
    seconds = []
    for _ in range(STEPS + 1):
        start = time.perf_counter()
        learner.step(samples)  # its figures come back to the CPU, so that the work is done by then
        seconds.append(time.perf_counter() - start)
    rate = sum(sizes) / median(seconds[1:])
    figures = {"tokens/s": rate}
    if device == "cuda":
        figures["peak GiB"] = torch.cuda.max_memory_allocated() / 2**30
        peak = next((value for gpu, value in PEAKS.items() if gpu in torch.cuda.get_device_name()), None)
        if peak:
            figures["MFU %"] = 100 * rate * operations(config, sizes) / peak
    return figures


def settings(model: Path, overrides: list[str]) -> RL:
    data = {
        "model": str(model),
        "tasks": {"train": "-"},
        "preset": "grpo",
        "sampling": {"max_tokens": max(SIZES)},
        "micro_batch_tokens": sum(SIZES),
        "scale": {"layout": "packed", "dtype": "bfloat16"},
    }
    return load.validate(RL, data, overrides)


def operations(config: Qwen3Config, sizes: list[int]) -> float:
    """A token's, forward and backward: six a weight of its matrices, and causal attention; what is recomputed is not
    counted."""
    heads = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    layer = config.hidden_size * (2 * heads + 2 * keys + 3 * config.intermediate_size)
    weights = config.num_hidden_layers * layer + config.vocab_size * config.hidden_size
    before = sum(size * size / 2 for size in sizes) / sum(sizes)
    return 6 * weights + 12 * config.num_hidden_layers * heads * before


if __name__ == "__main__":
    main()
