"""How well a model predicts raw text: bits per byte and perplexity, before and after training (the alignment tax).

Bits per byte do not depend on the tokenizer, so models of different families can be compared. The text is taken as it
is, never as a conversation. Windows slide by less than their length, so that no token is predicted without context. The
first token of a document follows the model's beginning-of-sequence token, or its end-of-sequence token where it has
none, as in lm-evaluation-harness. Leaves out: tasks; those are `rlvr.evaluation.evaluate`'s.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlvr.errors import UserError
from rlvr.evaluation.estimates import Estimate, Floats, relative, resampled
from rlvr.evaluation.suites import Tax
from rlvr.tasks import rows


@dataclass(frozen=True)
class Losses:
    """Of one model, a number a document: `(documents,)` each."""

    nats: Floats
    """Negative log-likelihood."""
    tokens: Floats
    bytes: Floats
    """Of UTF-8."""

    def bits_per_byte(self, seed: int = 0) -> Estimate:
        return resampled(self.nats / math.log(2), self.bytes, seed)

    def perplexity(self, seed: int = 0) -> Estimate:
        """A token's, so it compares models with one tokenizer only."""
        found = resampled(self.nats, self.tokens, seed)
        return Estimate(math.exp(found.value), *(None if end is None else math.exp(end) for end in found[1:]))

    def summary(self, seed: int = 0) -> dict[str, Any]:
        return {
            "documents": len(self.nats),
            "tokens": int(self.tokens.sum()),
            "bytes": int(self.bytes.sum()),
            "bits_per_byte": self.bits_per_byte(seed).row(),
            "perplexity": self.perplexity(seed).row(),
        }


def change(before: Losses, after: Losses, seed: int = 0) -> dict[str, Any]:
    """Relative change of bits per byte and of perplexity, over the same documents. The same model twice gives 0."""
    found = {"bits_per_byte": relative(before.nats, after.nats, seed).row()}
    if (before.tokens == after.tokens).all():
        per_token = resampled(after.nats - before.nats, before.tokens, seed)
        ends = (None if end is None else math.expm1(end) for end in per_token[1:])
        found["perplexity"] = Estimate(math.expm1(per_token.value), *ends).row()
    return found


def read(tax: Tax) -> list[str]:
    """The documents. Raises UserError."""
    path = Path(tax.texts).expanduser()
    found = list(_plain(path)) if not rows.is_data(path) and path.is_file() else list(_column(path))
    if not found:
        raise UserError(f"{path}: no text in it")
    return found[: tax.limit]


def _plain(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    documents = (document.strip("\n") for document in f"\n{text}\n".split("\n---\n"))
    yield from (document for document in documents if document.strip())


def _column(path: Path) -> Iterator[str]:
    for number, row in rows.from_file(path):
        text = row.get("text")
        if not isinstance(text, str):
            raise UserError(f"{path}: row {number}: expected raw text in the column `text`, got {', '.join(row)}")
        if text:
            yield text


def measure(model: str, texts: Sequence[str], tax: Tax, device: str) -> Losses:
    """Every token of every document once. Raises UserError for a model that has no token to begin with."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype="auto").to(device).eval()
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    if first is None:
        raise UserError(f"{model}: its tokenizer has neither a beginning- nor an end-of-sequence token")
    encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    built_for = getattr(network.config, "max_position_embeddings", None) or tax.context
    context = min(tax.context, built_for)
    cut = [
        w
        for number, ids in enumerate(encoded)
        for w in windows(number, [first, *ids], context, min(tax.stride, context))
    ]
    nats = np.zeros(len(texts))
    with torch.inference_mode():
        for start in range(0, len(cut), tax.batch_size):
            batch = cut[start : start + tax.batch_size]
            for window, loss in zip(batch, _losses(network, batch), strict=True):
                nats[window.document] += loss
    sizes = np.array([len(text.encode()) for text in texts], dtype=np.float64)
    return Losses(nats, np.array([len(ids) for ids in encoded], dtype=np.float64), sizes)


@dataclass(frozen=True)
class Window:
    """A stretch of a document, of which the last `scored` tokens count."""

    document: int
    inputs: list[int]
    targets: list[int]
    """The token after each input."""
    scored: int


def windows(document: int, ids: Sequence[int], context: int, stride: int) -> Iterator[Window]:
    """Windows of at most `context` inputs that score every token but the first once, `stride` at a time."""
    done, last = 0, len(ids) - 1
    while done < last:
        end = min(context if done == 0 else done + stride, last)
        begin = max(0, end - context)
        yield Window(document, list(ids[begin:end]), list(ids[begin + 1 : end + 1]), end - done)
        done = end


def _losses(network: Any, batch: Sequence[Window]) -> list[float]:
    """Nats of the scored tokens of each window, summed in float64. Shorter windows are padded on the right."""
    import torch

    width = max(len(window.inputs) for window in batch)
    padded = [window.inputs + [0] * (width - len(window.inputs)) for window in batch]
    mask = [[1] * len(window.inputs) + [0] * (width - len(window.inputs)) for window in batch]
    device = network.device
    logits = network(
        input_ids=torch.tensor(padded, device=device), attention_mask=torch.tensor(mask, device=device)
    ).logits
    found = []
    for row, window in zip(logits, batch, strict=True):
        start, end = len(window.inputs) - window.scored, len(window.inputs)
        logprobs = row[start:end].float().log_softmax(-1)
        chosen = torch.tensor(window.targets[start:], device=device)
        found.append(-float(logprobs.gather(1, chosen[:, None]).double().sum()))
    return found
