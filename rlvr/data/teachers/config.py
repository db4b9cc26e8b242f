"""The sections of a configuration that name teachers, their limits, their prices, and the budget."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from rlvr.config import Location, Section
from rlvr.data.recipe import DataConfig

Feature = Literal["completions", "seed", "stop", "presence_penalty", "frequency_penalty", "logit_bias"]


class Price(Section):
    """Dollars for a million tokens."""

    input: NonNegativeFloat = 0.0
    output: NonNegativeFloat = 0.0
    cached: NonNegativeFloat | None = None
    """Input that the server has in its cache; like other input by default."""


class Limits(Section):
    """How hard a teacher is pressed. Within `concurrency` the pace adapts: it falls when the teacher is busy."""

    concurrency: PositiveInt = 64
    """Requests under way at most."""
    requests_per_minute: PositiveFloat | None = None
    tokens_per_minute: PositiveFloat | None = None
    """Of input and output together."""
    timeout_s: PositiveFloat = 300.0
    """One attempt takes no longer."""
    attempts: PositiveInt = 8
    """Attempts for one request within a run."""
    backoff_s: PositiveFloat = 1.0
    """Wait after the first failure; it doubles with each, up to a minute."""
    longest_wait_s: PositiveFloat = 600.0
    """A teacher that asks to be left alone for longer ends the run, which can be gone on with later."""


class Answering(Section):
    """What every teacher has."""

    model: str
    """Name of the model at the endpoint, folder of a checkpoint, or hub id."""
    price: Price = Price()
    limits: Limits = Limits()
    actors: PositiveInt = 1
    """Ray actors that share its work. Without Ray there is one, in this process."""


class OpenAITeacher(Answering):
    """Any endpoint that speaks the OpenAI API: /chat/completions and /completions."""

    kind: Literal["openai"] = "openai"
    url: str
    """Up to and with the version, as in http://127.0.0.1:8000/v1"""
    key_env: str | None = None
    """Environment variable that holds the API key."""
    completions: Literal["native", "chat"] = "native"
    """How texts to continue are sent where the endpoint has no /completions: `chat` makes them a user's message."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the endpoint calls the limit of an answer in chat."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of every request's body, such as `reasoning_effort` or `chat_template_kwargs`."""
    without: tuple[Feature, ...] = ()
    """What the endpoint does not know. A seed is then left out; a recipe that needs any other ends with an error."""

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("expected http://HOST/v1")
        return url


class VLLMTeacher(Answering):
    """A model that vLLM runs in this process, or in each of its Ray actors."""

    kind: Literal["vllm"] = "vllm"
    price: Price = Price()
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Arguments of vLLM's engine, such as `max_model_len`, `tensor_parallel_size` or `dtype`."""
    gpus: NonNegativeFloat = 1.0
    """GPUs that each Ray actor reserves."""


class ReplayTeacher(Answering):
    """The answers that another run was given. A request that is not among them is an error."""

    kind: Literal["replay"] = "replay"
    log: Location
    """The other run's `responses.jsonl`."""


AnyTeacher = Annotated[OpenAITeacher | VLLMTeacher | ReplayTeacher, Field(discriminator="kind")]


class Budget(Section):
    """What a run may spend on its teachers, over all its restarts. What an attempt may cost is set aside before it goes
    out, so that no limit is ever passed."""

    dollars: NonNegativeFloat | None = None
    tokens: PositiveInt | None = None
    requests: PositiveInt | None = None
    """Attempts, failed ones included."""


class Taught(DataConfig):
    """The configuration of a recipe with one teacher. Recipes with several override `teachers`."""

    teacher: AnyTeacher
    budget: Budget = Budget()

    def teachers(self) -> dict[str, Answering]:
        """Role -> teacher."""
        return {"teacher": self.teacher}
