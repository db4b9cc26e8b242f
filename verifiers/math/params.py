"""The policies of the comparison, each with a default, and presets that follow the conventions of known data sets."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Preset = Literal["gsm8k", "math", "minerva"]

PRESETS: dict[str, dict[str, Any]] = {
    # Cobbe et al. 2021: the number behind `####`; graders take the last number where the mark is missing.
    "gsm8k": {"extraction": "hashes", "percent": "ignore", "units": "ignore"},
    # Hendrycks et al. 2021: the last box; `strip_string` drops units, percent signs and dollar signs.
    "math": {"extraction": "boxed", "percent": "ignore", "units": "ignore"},
    # Lewkowycz et al. 2022: "Final Answer: The final answer is X. I hope it is correct."; units are dropped.
    "minerva": {"extraction": "final_answer", "percent": "ignore", "units": "ignore"},
}


class MathParams(BaseModel):
    """How an answer is found and what counts as equal. Fields that are given win over the preset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Preset | None = None
    extraction: Literal["auto", "boxed", "hashes", "final_answer", "whole"] = "auto"
    """Where the answer stands. `auto`: the last box, else `####`, "the answer is", a bare answer, the last formula, the
    last number. `boxed`: a box only. `hashes`: behind `####`, else a bare answer, else the last number.
    `final_answer`: behind "final answer is". `whole`: the response is the answer."""
    percent: Literal["value", "ignore", "either"] = "value"
    """`value`: 25% is 0.25. `ignore`: 25% is 25. `either`: both are taken."""
    units: Literal["agree", "require", "ignore"] = "agree"
    """`agree`: two known units must measure the same thing and are converted; one may be left out. `require`: a known
    unit must stand on both sides or on none. `ignore`: units are dropped unread."""
    order: Literal["free", "strict"] = "free"
    """Of lists without brackets: `2, 3` against `3, 2`. Tuples are always ordered, sets never."""
    rel_tol: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Accept a number within this relative distance of the reference. 0: rounded values are not equal."""
    abs_tol: float = Field(default=0.0, ge=0.0)
    """Accept a number within this absolute distance of the reference."""

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("preset"), str):
            return {**PRESETS.get(value["preset"], {}), **value}
        return value
