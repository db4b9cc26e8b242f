"""Is the final number of a response near enough to the reference? For measurements and simulations.

Only plain numbers are read: signs, thousands separators, fractions, percent signs, powers of ten. Formulas are the work
of `math`.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from verifiers.base import Verdict
from verifiers.format import final_part
from verifiers.math.extract import extract

MAX_EXPONENT = 4000
"""Of a power of ten; larger ones are not read, since exact arithmetic on them costs what they weigh."""
_DIGITS = r"(?:\d{1,3}(?:[,_ ]\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"(?P<sign>[-+−–]?)\s*(?P<currency>\\?[$€£])?\s*(?P<top>{_DIGITS})"
    r"(?:\s*[eE]\s*(?P<exponent>[-+]?\d+)|\s*(?:\\times|\\cdot|[x×*·])\s*10\s*(?:\^|\*\*)\s*\{?\s*(?P<power>[-+−]?\d+)\s*\}?)?"
    rf"(?:\s*/\s*(?P<bottom>{_DIGITS}))?\s*(?P<percent>\\?%)?"
)


class NumericReference(BaseModel):
    """`3.14`, `"3.14"` or `{"answer": 3.14}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        value = dict(value) if isinstance(value, dict) else {"answer": value}
        answer = value.get("answer")
        if isinstance(answer, (int, float)) and not isinstance(answer, bool):
            value["answer"] = repr(answer)
        return value

    @field_validator("answer")
    @classmethod
    def _is_number(cls, text: str) -> str:
        if number(text) is None:
            raise ValueError(f"expected a finite number, got {text[:60]!r}")
        return text


class NumericParams(BaseModel):
    """Near enough: within either tolerance of the reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rel_tol: float = Field(default=1e-6, ge=0.0, lt=1.0)
    """Distance as a share of the reference."""
    abs_tol: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Distance in the reference's own unit."""


class NumericVerifier:
    """1.0 when the last stated number lies within the tolerance of the reference."""

    name = "numeric"
    version = "1.0.0"
    isolation = "inline"
    Reference = NumericReference
    Params = NumericParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        expected = number(NumericReference.model_validate(reference).answer)
        rules = NumericParams.model_validate(params or {})
        if expected is None:
            raise ValueError("the reference is no number")
        found = extract(final_part(response))
        if found.text is None:
            return Verdict.no_answer(found.how)
        actual = number(found.text)
        if actual is None:
            return Verdict.no_answer("no_number", extracted=found.text)
        bound = max(Fraction(rules.abs_tol), Fraction(rules.rel_tol) * abs(expected))
        if abs(actual - expected) <= bound:
            return Verdict.correct("near", extracted=found.text)
        return Verdict.incorrect("different", extracted=found.text)


def number(text: str) -> Fraction | None:
    """The one number that `text` states, exactly; a unit or word may follow. None if there is none or more than one."""
    matches = [match for match in _NUMBER.finditer(text[:1000]) if match["top"]]
    if len(matches) != 1:
        return None
    match = matches[0]
    try:
        value = fraction(match["top"])
        exponent = int((match["exponent"] or match["power"] or "0").replace("−", "-"))
        if abs(exponent) > MAX_EXPONENT:
            return None
        value *= Fraction(10) ** exponent
        value /= fraction(match["bottom"]) if match["bottom"] else 1
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return None
    return (-value if match["sign"] in ("-", "−", "–") and match["sign"] else value) / (100 if match["percent"] else 1)


def fraction(digits: str) -> Fraction:
    return Fraction(Decimal(re.sub(r"[,_ ]", "", digits)))
