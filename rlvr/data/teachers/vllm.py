"""A model that vLLM runs beside this process. Requests that come together are batched by the engine.

Answers depend on the seed of the request and not on its neighbours, as far as the engine's numerics allow.
"""

import itertools
import os
from typing import Any

from rlvr.data.request import Reply, Request, Usage
from rlvr.data.teachers.config import VLLMTeacher
from rlvr.errors import UserError, WorkFailed

ON_CPU = {"dtype": "float32", "enforce_eager": True}
"""Compiling takes a minute, and half precision is slower there."""


class VLLM:
    """Satisfies `Teacher`. The engine starts with the first request, in the event loop that it then belongs to."""

    def __init__(self, config: VLLMTeacher) -> None:
        self.config = config
        self._engine: Any = None
        self._numbers = itertools.count()

    async def ask(self, request: Request, seed: int) -> Reply:
        from vllm.exceptions import VLLMValidationError
        from vllm.v1.engine.exceptions import EngineDeadError

        engine = self._engine = self._engine or self._started()
        prompt = request.prompt if request.messages is None else _rendered(engine, request)
        try:
            async for output in engine.generate(prompt, _params(request, seed), str(next(self._numbers))):
                last = output
        except EngineDeadError as error:
            raise WorkFailed(f"teacher {self.config.model}: vLLM's engine died; its log says why") from error
        except VLLMValidationError as error:  # a prompt that does not fit the context
            return Reply(str(error), "refused", model=self.config.model)
        done = last.outputs[0]
        usage = Usage(len(last.prompt_token_ids), len(done.token_ids), last.num_cached_tokens or 0)
        return Reply(done.text, done.finish_reason or "stop", usage, self.config.model)

    async def close(self) -> None:
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None

    def _started(self) -> Any:
        import torch
        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        options: dict[str, Any] = {"disable_log_stats": True, **self.config.options}
        if not torch.cuda.is_available():
            from rlvr.engines.vllm import ON_CPU as variables

            for name, value in variables.items():
                os.environ.setdefault(name, value)
            options = ON_CPU | options
        try:
            arguments = AsyncEngineArgs(model=self.config.model, **options)
        except TypeError as error:
            raise UserError(f"teacher options: {error}") from None
        return AsyncLLM.from_engine_args(arguments)


def _params(request: Request, seed: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    said = request.sampling.sent()
    bias = {int(token): value for token, value in said.pop("logit_bias", {}).items()}
    return SamplingParams(**said, logit_bias=bias or None, seed=seed, output_kind=RequestOutputKind.FINAL_ONLY)


def _rendered(engine: Any, request: Request) -> dict[str, Any]:
    """Token ids, so that the template's special tokens are not added twice."""
    tokenizer = engine.get_tokenizer()
    ids = tokenizer.apply_chat_template(list(request.messages or ()), add_generation_prompt=True, return_dict=False)
    return {"prompt_token_ids": ids}
