"""The small model: a checkpoint like any other."""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlvr import tiny


def test_from_pretrained_finds_every_weight(tiny_model: Path) -> None:
    model, info = AutoModelForCausalLM.from_pretrained(tiny_model, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert model.config.vocab_size == len(tokenizer) <= 300
    assert model.generation_config.eos_token_id == [tokenizer.eos_token_id]
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    with torch.no_grad():
        assert torch.isfinite(model(torch.tensor([[1, 2, 3]])).logits).all()


def test_digits_are_single_and_any_text_comes_back(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert not [t for t in tokenizer.get_vocab() if sum(c.isdigit() for c in t) and len(t) > 1]
    for text in ("What is 12 + 30?", "x = 1234567890\n\tdone", " é 😀 中文  two  spaces ", "<|nothing|>"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_chat_template_opens_and_closes_turns(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == "<|user|>Hi<|assistant|>Ho<|end|>"
    opened = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    assert opened == "<|user|>Hi<|assistant|>"
    assert len(tokenizer("<|user|><|assistant|><|end|>", add_special_tokens=False)["input_ids"]) == 3


def test_phrases_become_tokens_and_rare_words_do_not() -> None:
    tokenizer = tiny.train_tokenizer(["What is the answer to qzx?", *["What is the answer?"] * 20], 300)
    assert len(tokenizer.encode("What is the answer").ids) <= 2
    assert len(tokenizer.encode("qzx").ids) == 3


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    def embedding(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return dict(tiny.random_weights(50, 16, 1, np.random.default_rng(seed)))["model.embed_tokens.weight"]

    np.testing.assert_array_equal(embedding(0), embedding(0))
    assert (embedding(0) != embedding(1)).any()
    assert abs(float(embedding(0).std()) - tiny.SPREAD) < 0.002
    for seed in (0, 0):
        tiny.build(tmp_path / "model", ["a b c"] * 3, vocabulary=270, hidden=16, layers=2, seed=seed)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["num_hidden_layers"] == 2
