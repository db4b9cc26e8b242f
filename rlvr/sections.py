"""What the configurations of all stages have in common. `rlvr/config.py` has the stages."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Sampling(Section):
    temperature: NonNegativeFloat = 1.0
    """0 is greedy."""
    max_tokens: PositiveInt = 1024
    """Longest response. A longer one is cut, and its finish reason is `length`."""


class Grading(Section):
    workers: PositiveInt = 1
    """Killable verifier processes."""
    deadline_s: PositiveFloat = 10.0
    """Wall-clock seconds for one verdict."""
    max_error_share: Share = 0.05
    """The run stops when a larger share of a step's verdicts is `error`: the verifiers are broken, not the model."""


class Compute(Section):
    device: str = "auto"
    """`auto` is CUDA where there is a GPU, else the CPU."""
    threads: PositiveInt | None = None
    """CPU threads of each model process; all cores by default."""


class Stage(Section):
    """What every stage that trains or judges a model has."""

    model: str = ""
    """Folder of a Hugging Face checkpoint, or its hub id. A pipeline fills it in."""
    out: Path = Path()
    """Run directory. A pipeline fills it in."""
    seed: NonNegativeInt = 0
    compute: Compute = Compute()
