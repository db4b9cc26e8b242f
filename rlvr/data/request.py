"""What is asked of a teacher and what comes back. A request is plain data, and its key names it in the response log."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import Field, NonNegativeFloat, PositiveInt

from rlvr.config import Section, Share
from rlvr.data.canonical import digest

Messages = Sequence[Mapping[str, str]]


class Sampling(Section):
    """How a teacher samples. What is None is not sent, and the teacher's own default holds."""

    temperature: NonNegativeFloat = 1.0
    top_p: Share = 1.0
    max_tokens: PositiveInt = 1024
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None

    def sent(self) -> dict[str, Any]:
        """The parameters in the names of the OpenAI API, as far as they say something. Beside a temperature of 0,
        `top_p` says nothing, and some servers refuse one of 0."""
        said = self.model_dump(exclude_none=True, exclude=set() if self.temperature else {"top_p"})
        return {name: list(value) if name == "stop" else value for name, value in said.items() if value != ()}


@dataclass(frozen=True, slots=True)
class Request:
    """A conversation to go on with (`messages`), or a text to continue (`prompt`); exactly one of the two."""

    sampling: Sampling
    messages: Messages | None = None
    prompt: str | None = None
    sample: int = 0
    """Tells apart requests that are alike and are to be sampled anew. Alike in all, they share one answer."""

    def __post_init__(self) -> None:
        assert (self.messages is None) != (self.prompt is None), "a request has messages or a prompt"

    def body(self) -> dict[str, Any]:
        """What is asked, in the names of the OpenAI API, without the model."""
        asked: dict[str, Any] = {"prompt": self.prompt} if self.messages is None else {"messages": list(self.messages)}
        return asked | self.sampling.sent()

    def key(self, teacher: str, model: str) -> str:
        """Equal for requests that may share an answer: alike, and to the same teacher of the recipe."""
        return digest(teacher, model, self.body(), self.sample)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them, or as estimated where it did not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Those of the input that the server had in its cache, and may charge less for."""
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """A teacher's answer. That it was cut (`length`) is data for the recipe, not an error."""

    text: str
    finish_reason: str = "stop"
    """`stop`, `length`, `content_filter`, or `refused` where the endpoint took the request itself for bad; the text is
    then what it said of it."""
    usage: Usage = Usage()
    model: str = ""
    """As the server names it, which may be a dated version of the one asked for."""

    @property
    def refused(self) -> bool:
        return self.finish_reason == "refused"

    def row(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{**row, "usage": Usage(**row["usage"])})
