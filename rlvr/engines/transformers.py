"""The reference engine: batched sampling on a Hugging Face model, on a CPU or one GPU.

Every response has a random stream of its own, a counter hashed with its seed, so that a response does not depend on
which others are sampled beside it. Prompts shared by a group are run once. New weights take over between two tokens,
and each token says which weights sampled it. Leaves out: continuous batching, top-k and top-p (the learner needs the
log-probability of the distribution that was really sampled).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from rlvr.config import Sampling
from rlvr.samples import Finish, Request, Rollout
from rlvr.sync import fingerprint

COMPACT_BELOW = 0.75
"""Finished rows are cut out of the batch when fewer than this share of it is still alive."""


class TransformersEngine:
    """Samples with the weights it last loaded. `batch_size` responses are sampled at once."""

    def __init__(self, model: Path | str, batch_size: int = 256, device: str = "cpu") -> None:
        self.batch_size = batch_size
        self.device = device
        self._turn = asyncio.Lock()
        self._gate = threading.Condition()
        """Held while the model runs, and while its weights change."""
        self._loading = 0
        self._open(model)

    def _open(self, model: Path | str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype="auto").to(self.device).eval()
        self.version = self._used = 0
        self.stop_ids = stop_ids(self.model, self.tokenizer)
        self.context = int(getattr(self.model.config, "max_position_embeddings", 1 << 30))

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype  # type: ignore[no-any-return]

    async def open(self, model: Path | str) -> None:
        """Another checkpoint, from the start."""
        async with self._turn:
            await asyncio.to_thread(self._open, model)

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        """Rollouts in completion order. Raises ValueError for a prompt that leaves no room for a response."""
        async for rollouts in self.sample_lists(requests, sampling):
            for rollout in rollouts:
                yield rollout

    async def sample_lists(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[list[Rollout]]:
        """`sample`, a batch at a time; several callers take turns."""
        for start in range(0, len(requests), self.batch_size):
            async with self._turn:
                batch = await asyncio.to_thread(self.generate, requests[start : start + self.batch_size], sampling)
            yield batch

    async def load(
        self, weights: Mapping[str, torch.Tensor] | Mapping[str, np.ndarray[Any, Any]], version: int
    ) -> None:
        """Take over the learner's weights (arrays by name); the tokens sampled from now on carry `version`."""
        await asyncio.to_thread(self._take_over, weights, version)

    def _take_over(self, weights: Mapping[str, Any], version: int) -> None:
        self._loading += 1
        with self._gate, torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(torch.as_tensor(weights[name]))
            self.version = version
            self._loading -= 1
            self._gate.notify_all()

    async def fingerprint(self) -> int:
        """Of the weights as they are now; see `rlvr.sync`."""
        return await asyncio.to_thread(fingerprint, self.model.parameters())

    async def ping(self) -> int:
        return self.version

    async def close(self) -> None:
        del self.model

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Rollout]:
        """Sample one batch; rollouts in the order in which they finished."""
        if not requests:
            return []
        limits = self._limits(requests, sampling)
        logits, cache, attention, position = self._prefill(requests)
        draw = Draw([request.seed for request in requests], sampling.temperature)
        rows = [_Row(request) for request in requests]
        alive = list(range(len(rows)))
        finished: list[Rollout] = []
        for step in range(max(limits)):
            tokens, logprobs = draw(logits, alive, step)
            keep = []
            for place, (row, token, logprob) in enumerate(zip(alive, tokens.tolist(), logprobs.tolist(), strict=True)):
                if rows[row].done:
                    continue  # not cut out of the batch yet
                rows[row].add(token, logprob, self._used)
                rows[row].done = token in self.stop_ids or step + 1 == limits[row]
                if rows[row].done:
                    finished.append(self._rollout(rows[row], "stop" if token in self.stop_ids else "length"))
                else:
                    keep.append(place)
            if not keep:
                break
            if len(keep) < COMPACT_BELOW * len(alive):
                chosen = torch.tensor(keep, device=tokens.device)
                cache.batch_select_indices(chosen)
                tokens, attention, position = tokens[chosen], attention[chosen], position[chosen]
                alive = [alive[place] for place in keep]
            attention = torch.cat([attention, attention.new_ones(len(alive), 1)], 1)
            logits = self._forward(tokens[:, None], attention, position[:, None], cache)
            position = position + 1
        return finished

    def _limits(self, requests: Sequence[Request], sampling: Sampling) -> list[int]:
        """Most tokens of each response. It depends on its own prompt alone."""
        longest = max(len(request.prompt_ids) for request in requests)
        if longest >= self.context:
            raise ValueError(f"a prompt of {longest} tokens leaves no room in the model's {self.context}; shorten it")
        return [min(sampling.max_tokens, self.context - len(request.prompt_ids)) for request in requests]

    def _prefill(self, requests: Sequence[Request]) -> tuple[torch.Tensor, DynamicCache, torch.Tensor, torch.Tensor]:
        """Run each distinct prompt once, padded on the left, and spread the result over the requests."""
        prompts = list(dict.fromkeys(request.prompt_ids for request in requests))
        width = max(map(len, prompts))
        device = self.model.device
        pad = min(self.stop_ids)
        ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=device)
        attention = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        position = (attention.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache(config=self.model.config)
        logits = self._forward(ids, attention, position, cache)
        place = {prompt: i for i, prompt in enumerate(prompts)}
        spread = torch.tensor([place[request.prompt_ids] for request in requests], device=device)
        cache.batch_select_indices(spread)
        return logits[spread], cache, attention[spread], position[spread, -1] + 1

    def _forward(
        self, ids: torch.Tensor, attention: torch.Tensor, position: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        """Logits (rows, vocabulary) of the last position."""
        with self._gate:
            self._gate.wait_for(lambda: not self._loading)  # the lock alone would let us in again and again
            self._used = self.version
            output = self.model(
                input_ids=ids,
                attention_mask=attention,
                position_ids=position,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        return output.logits[:, -1]  # type: ignore[no-any-return]

    def _rollout(self, row: "_Row", finish: Finish) -> Rollout:
        return Rollout(
            id=row.request.id,
            prompt_ids=row.request.prompt_ids,
            response_ids=tuple(row.tokens),
            mask=(1,) * len(row.tokens),
            logprobs=tuple(row.logprobs),
            versions=tuple(row.versions),
            finish=finish,
            text=self.tokenizer.decode(row.tokens, skip_special_tokens=True),
        )


class _Row:
    """One response while it grows."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.versions: list[int] = []
        self.done = False

    def add(self, token: int, logprob: float, version: int) -> None:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.versions.append(version)


class Draw:
    """Picks tokens: the likeliest at temperature 0, else by inverting the cumulative distribution at a uniform number
    that is a function of the row's seed and the position alone."""

    def __init__(self, seeds: Sequence[int], temperature: float) -> None:
        self.seeds = np.array([seed & (2**64 - 1) for seed in seeds], dtype=np.uint64)
        self.temperature = temperature

    def __call__(self, logits: torch.Tensor, rows: Sequence[int], step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (rows,) and their fp32 log-probabilities (rows,) at the sampling temperature."""
        scaled = logits.float() / self.temperature if self.temperature else logits.float()
        logprobs = scaled.log_softmax(-1)
        if self.temperature:
            uniform = torch.from_numpy(uniforms(self.seeds[list(rows)], step)).to(logits.device)
            cumulative = logprobs.double().exp().cumsum(-1)
            tokens = torch.searchsorted(cumulative, (uniform * cumulative[:, -1])[:, None], right=True)[:, 0]
            tokens = tokens.clamp(max=logits.shape[-1] - 1)
        else:
            tokens = scaled.argmax(-1)
        return tokens, logprobs.gather(1, tokens[:, None])[:, 0]


def uniforms(seeds: np.ndarray[Any, np.dtype[np.uint64]], step: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers in [0, 1), one a seed: SplitMix64 (Steele et al. 2014) of the seed and the step."""
    with np.errstate(over="ignore"):
        state = seeds + np.uint64((0x9E3779B97F4A7C15 * (step + 1)) & (2**64 - 1))
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a response: the generation config may name several, the tokenizer names one."""
    named = model.generation_config.eos_token_id
    several = named if isinstance(named, list) else [named]
    found = frozenset(token for token in [*several, tokenizer.eos_token_id] if token is not None)
    if not found:
        raise ValueError("neither the model's generation config nor its tokenizer names an end-of-sequence token")
    return found
