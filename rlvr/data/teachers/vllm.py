"""A model that vLLM runs in this process. Requests that come together are batched by the engine.

Answers depend on the seed of the request and not on its neighbours, as far as the engine's numerics allow.
"""

import itertools
from typing import Any

from rlvr.data.request import Reply, Request, Usage
from rlvr.data.teachers.config import VLLMTeacher
from rlvr.errors import UserError


class VLLM:
    """Satisfies `Teacher`. The engine starts with the first request, in the event loop that it then belongs to."""

    def __init__(self, config: VLLMTeacher) -> None:
        self.config = config
        self._engine: Any = None
        self._numbers = itertools.count()

    async def ask(self, request: Request, seed: int) -> Reply:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        engine = self._started()
        said = request.sampling.sent()
        bias = {int(token): value for token, value in said.pop("logit_bias", {}).items()}
        params = SamplingParams(**said, logit_bias=bias or None, seed=seed, output_kind=RequestOutputKind.FINAL_ONLY)
        prompt = request.prompt if request.messages is None else self._rendered(engine, request)
        async for output in engine.generate(prompt, params, request_id=str(next(self._numbers))):
            done = output.outputs[0]
            usage = Usage(len(output.prompt_token_ids), len(done.token_ids), output.num_cached_tokens or 0)
        return Reply(done.text, done.finish_reason or "stop", usage, self.config.model)

    async def close(self) -> None:
        if self._engine is not None:
            self._engine.shutdown()

    def _started(self) -> Any:
        if self._engine is None:
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM

            try:
                arguments = AsyncEngineArgs(model=self.config.model, **self.config.options)
            except TypeError as error:
                raise UserError(f"teacher options: {error}") from None
            self._engine = AsyncLLM.from_engine_args(arguments)
        return self._engine

    def _rendered(self, engine: Any, request: Request) -> dict[str, Any]:
        """Token ids, so that the template's special tokens are not added twice."""
        tokenizer = engine.get_tokenizer()
        ids = tokenizer.apply_chat_template(list(request.messages or ()), add_generation_prompt=True, return_dict=False)
        return {"prompt_token_ids": ids}
