"""A small language model and its tokenizer, made on the spot in Hugging Face format: no download, any machine.

The tokenizer is byte-level BPE with single digits, trained on the texts it is given; the model is a Llama with random
weights. Both are written as files, without torch, so that this takes a second. Leaves out: pretraining.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

MERGE_SHARE = 0.1
"""A pair becomes a token when there is one in so many texts: phrases do, made-up words stay spelled out."""

HEADS, GROUPS, CONTEXT, SPREAD = 4, 2, 512, 0.02
"""Attention heads, key-value groups, longest sequence, standard deviation of the weights."""


def build(folder: Path, texts: Sequence[str], vocabulary: int, hidden: int, layers: int, seed: int) -> None:
    """Write a checkpoint that `from_pretrained` loads. `vocabulary` is the most tokens it may have."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(texts, vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    end, pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)
    _write(
        folder / "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
        eos_token=END,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
    _write(
        folder / "config.json",
        architectures=["LlamaForCausalLM"],
        model_type="llama",
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=GROUPS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        dtype="float32",
    )
    _write(folder / "generation_config.json", eos_token_id=[end], pad_token_id=pad)
    weights = dict(random_weights(size, hidden, layers, np.random.default_rng(seed)))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Merges may span words, so that frequent phrases become single tokens; digits never merge."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=max(2, int(MERGE_SHARE * len(texts))),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def random_weights(
    vocabulary: int, hidden: int, layers: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]]:
    """Llama's parameters by name: normal matrices, norms of one. The output embedding is the input's."""

    def normal(rows: int, columns: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(0.0, SPREAD, (rows, columns)).astype(np.float32)

    narrow, wide, one = hidden * GROUPS // HEADS, 2 * hidden, np.ones(hidden, dtype=np.float32)
    yield "model.embed_tokens.weight", normal(vocabulary, hidden)
    for layer in range(layers):
        name = f"model.layers.{layer}"
        yield f"{name}.self_attn.q_proj.weight", normal(hidden, hidden)
        yield f"{name}.self_attn.k_proj.weight", normal(narrow, hidden)
        yield f"{name}.self_attn.v_proj.weight", normal(narrow, hidden)
        yield f"{name}.self_attn.o_proj.weight", normal(hidden, hidden)
        yield f"{name}.mlp.gate_proj.weight", normal(wide, hidden)
        yield f"{name}.mlp.up_proj.weight", normal(wide, hidden)
        yield f"{name}.mlp.down_proj.weight", normal(hidden, wide)
        yield f"{name}.input_layernorm.weight", one.copy()
        yield f"{name}.post_attention_layernorm.weight", one.copy()
    yield "model.norm.weight", one.copy()


def _write(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(fields, indent=2) + "\n")
