"""What an evaluation judges: suites to choose by, suites that stay unseen until the end, and raw text.

Whatever a model or a setting was chosen by is no test of it any more. So unseen suites are judged only when asked for,
their averages stand apart, and a pipeline that trains or validates on one is refused.
"""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rlvr.errors import UserError
from rlvr.settings.sections import Grading, Sampling, Section, Stage
from rlvr.tasks.sources import alike

ALONE = "tasks"
"""The name of the suite that `tasks` is."""


class Tax(Section):
    """The alignment tax: how much worse a model has become at raw text, in bits per byte and perplexity."""

    texts: str
    """JSONL or Parquet with a `text` column, or a text file with documents parted by lines of `---`."""
    limit: PositiveInt | None = None
    """Read at most this many documents."""
    context: PositiveInt = 1024
    """Most tokens that the model sees at once; never more than it was built for."""
    stride: PositiveInt = 512
    """Tokens that are scored at a time; each sees at least `context - stride` before it, or all there is."""
    batch_size: PositiveInt = 8

    @model_validator(mode="after")
    def _every_token_is_scored(self) -> Self:
        if self.stride > self.context:
            raise ValueError(f"stride ({self.stride}) must not exceed context ({self.context})")
        return self


class Evaluate(Stage):
    """Accuracy on tasks, of one model or of several; pass@k; and what training cost on raw text."""

    stage: Literal["eval"] = "eval"
    models: dict[str, str] = Field(default_factory=dict)
    """Name -> checkpoint, when several are judged; `model` is judged when this is empty. The first one is what the
    others are compared with."""
    tasks: str | None = None
    """A single task source, for development."""
    development: dict[str, str] = Field(default_factory=dict)
    """Name -> task source, to choose by."""
    unseen: dict[str, str] = Field(default_factory=dict)
    """Name -> task source, for the final judgement."""
    judge_unseen: bool = False
    """Judge the unseen suites as well. Leave it off as long as a checkpoint or a setting is still to be chosen."""
    limit: PositiveInt | None = None
    """Read at most this many tasks of each source."""
    samples: PositiveInt = 1
    """Responses a task."""
    pass_at: tuple[PositiveInt, ...] = ()
    """The k of pass@k, each at most `samples`."""
    tax: Tax | None = None
    sampling: Sampling = Sampling(temperature=0.0)
    engine_batch: PositiveInt = 256
    max_prompt_tokens: PositiveInt = 2048
    grading: Grading = Grading()

    @model_validator(mode="after")
    def _something_to_judge(self) -> Self:
        if not (self.tasks or self.development or self.unseen or self.tax):
            raise ValueError("expected at least one of tasks, development, unseen and tax; got none")
        for source in self.unseen.values():
            if any(alike(source, other) for other in self.development.values()):
                raise ValueError(f"{source} is both in development and unseen; it can only be one of them")
        if shared := sorted(self.development.keys() & self.unseen.keys()):
            raise ValueError(f"the name {shared[0]!r} stands both in development and in unseen; choose another")
        return self

    @model_validator(mode="after")
    def _samples_suffice(self) -> Self:
        if self.pass_at and max(self.pass_at) > self.samples:
            raise ValueError(f"pass_at {max(self.pass_at)} needs as many samples a task, got samples = {self.samples}")
        if self.samples > 1 and self.sampling.temperature == 0:
            raise ValueError("samples above 1 need sampling.temperature above 0: greedy responses are all alike")
        return self

    def suites(self) -> dict[str, str]:
        """Name -> task source of all that is judged now."""
        alone = {ALONE: self.tasks} if self.tasks else {}
        return alone | self.development | (self.unseen if self.judge_unseen else {})

    def check_unseen(self, used: Mapping[str, str | None]) -> None:
        """Raise UserError if an unseen suite is `used`: (what for -> task source)."""
        for name, source in self.unseen.items():
            for purpose, other in {**used, "evaluate.tasks": self.tasks}.items():
                if other is not None and alike(source, other):
                    raise UserError(f"evaluate.unseen.{name}: {source} is also {purpose}, so it is not unseen")
