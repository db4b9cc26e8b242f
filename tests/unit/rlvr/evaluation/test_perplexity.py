"""Perplexity: every token once, whatever the windows; known entropies; a model against itself gives exactly 0."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlvr.errors import UserError
from rlvr.evaluation.perplexity import Losses, change, measure, read, windows
from rlvr.evaluation.suites import Tax

TEXTS = ["What is 12 + 34?\n2+4=6", "x", "Say ab 3 times. " * 40, "Größe: 5 µm — fünf"]


def tax(**settings: Any) -> Tax:
    return Tax(texts="-", **settings)


@pytest.mark.parametrize(("length", "context", "stride"), [(0, 4, 2), (1, 4, 2), (9, 4, 4), (50, 8, 3), (7, 100, 1)])
def test_windows_score_every_token_once_with_enough_before_it(length: int, context: int, stride: int) -> None:
    ids = list(range(100, 101 + length))
    scored = []
    for window in windows(3, ids, context, stride):
        assert len(window.inputs) == len(window.targets) <= context
        assert window.inputs[1:] == window.targets[:-1]
        counted = window.targets[len(window.targets) - window.scored :]
        assert len(window.targets) - window.scored >= min(context - stride, counted[0] - 101)
        scored += counted
    assert scored == ids[1:]


def test_the_same_model_twice_differs_by_exactly_nothing(tiny_model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    first, again = (measure(str(model), TEXTS, tax(), "cpu") for model in (tiny_model, copy))
    assert (first.nats == again.nats).all()
    assert change(first, again) == {
        "bits_per_byte": {"value": 0.0, "interval": [0.0, 0.0]},
        "perplexity": {"value": 0.0, "interval": [0.0, 0.0]},
    }


def test_batches_change_nothing_and_whole_documents_equal_one_forward_pass(tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    losses = [measure(str(tiny_model), TEXTS, tax(batch_size=size), "cpu") for size in (1, 3, 8)]
    for other in losses[1:]:
        np.testing.assert_allclose(other.nats, losses[0].nats, rtol=1e-5)
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)
    for text, nats, tokens, size in zip(TEXTS, losses[0].nats, losses[0].tokens, losses[0].bytes, strict=True):
        ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.no_grad():
            expected = model(ids, labels=ids).loss * (ids.shape[1] - 1)
        assert nats == pytest.approx(float(expected), rel=1e-4)
        assert (tokens, size) == (ids.shape[1] - 1, len(text.encode()))


def test_a_model_that_knows_nothing_pays_the_logarithm_of_its_vocabulary(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_model, tmp_path / "uniform")
    weights = load_file(folder / "model.safetensors")
    zeros = {name: np.zeros_like(value) for name, value in weights.items()}
    save_file(zeros, folder / "model.safetensors", metadata={"format": "pt"})
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    losses = measure(str(folder), TEXTS, tax(context=16, stride=5), "cpu")
    assert losses.perplexity().value == pytest.approx(vocabulary, rel=1e-5)
    assert losses.bits_per_byte().value == pytest.approx(
        math.log2(vocabulary) * losses.tokens.sum() / losses.bytes.sum(), rel=1e-5
    )


def test_more_noise_costs_more_bits(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    values = []
    for scale in (0.0, 0.3, 3.0):
        folder = shutil.copytree(tiny_model, tmp_path / str(scale))
        weights, rng = load_file(folder / "model.safetensors"), np.random.default_rng(0)
        noisy = {
            name: (value + scale * rng.normal(size=value.shape)).astype(np.float32) for name, value in weights.items()
        }
        save_file(noisy, folder / "model.safetensors", metadata={"format": "pt"})
        values.append(measure(str(folder), TEXTS, tax(), "cpu"))
    costs = [losses.bits_per_byte().value for losses in values]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3
    found = change(values[0], values[2])["bits_per_byte"]
    assert found["value"] == pytest.approx(costs[2] / costs[0] - 1)
    assert found["interval"][0] > 0


def test_perplexities_of_two_tokenizers_are_not_compared() -> None:
    one = Losses(np.array([2.0, 3.0]), np.array([2.0, 2.0]), np.array([4.0, 4.0]))
    other = Losses(np.array([2.0, 3.5]), np.array([3.0, 2.0]), np.array([4.0, 4.0]))
    assert change(one, other).keys() == {"bits_per_byte"}
    assert one.bits_per_byte().value == pytest.approx(5 / math.log(2) / 8)


def test_documents_of_a_text_file_and_of_rows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("---\nfirst\n\nstill first\n---\n\n---\nsecond --- here\n")
    assert read(Tax(texts=str(tmp_path / "a.txt"))) == ["first\n\nstill first", "second --- here"]
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    assert read(Tax(texts=str(tmp_path / "a.jsonl"), limit=1)) == ["one"]
    (tmp_path / "b.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(UserError, match=r"b.jsonl: row 1: expected raw text in the column `text`, got messages"):
        read(Tax(texts=str(tmp_path / "b.jsonl")))
    (tmp_path / "empty.txt").write_text("\n---\n")
    with pytest.raises(UserError, match="no text in it"):
        read(Tax(texts=str(tmp_path / "empty.txt")))
