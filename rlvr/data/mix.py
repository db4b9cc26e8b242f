"""Mix data sets: of each a fraction, a count, or so many repeats; in an order that the seed alone decides.

Each part is drawn with a random stream of its own, so that another part more or less does not change it, and a smaller
share is always contained in a larger one. Leaves out: weights per epoch; repeat what should count more.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rlvr.config import Location, Section
from rlvr.data.canonical import stream
from rlvr.data.forms import Form, Row, read
from rlvr.errors import UserError


class Part(Section):
    """One data set, and how much of it; all of it unless one of the three says otherwise."""

    path: Location
    """JSONL or Parquet."""
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """This share of its rows, none twice."""
    count: PositiveInt | None = None
    """So many of its rows, none twice."""
    repeat: PositiveFloat | None = None
    """Every row so many times: 2.5 is each row twice and half of them once more."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [name for name in ("fraction", "count", "repeat") if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError(f"expected one of fraction, count and repeat, got {' and '.join(named)}")
        return self

    def wanted(self, size: int) -> int:
        """How many rows of `size`. Raises UserError."""
        if self.count is not None and self.count > size:
            raise UserError(
                f"{self.path}: count = {self.count}, but it has {size} rows; write repeat = {self.count / size:.4g} "
                "to use rows more than once"
            )
        if self.count is not None:
            return self.count
        return max(1, math.floor(size * (self.fraction or self.repeat or 1.0) + 0.5))


class Mixture(Section):
    """What goes into a mixture, and where it goes."""

    out: Location
    """Folder of the mixture and its manifest."""
    seed: NonNegativeInt = 0
    parts: Annotated[dict[str, Part], Field(min_length=1)]
    """Name -> data set. The name goes into every row as `mixed_from`."""


def mix(mixture: Mixture) -> tuple[Form, list[Row], dict[str, Any]]:
    """The form of all rows, the rows, and what was taken of each part. Raises UserError when the forms differ."""
    drawn: list[Row] = []
    forms: dict[str, Form] = {}
    taken = {}
    for name, part in mixture.parts.items():
        found = read(part.path)
        kinds = {form for form, _ in found}
        if len(kinds) > 1:
            raise UserError(f"{part.path}: its rows have several forms: {', '.join(sorted(kinds))}; split it first")
        forms[name] = found[0][0]
        rows = take([row for _, row in found], part.wanted(len(found)), name, mixture.seed)
        drawn += [{**row, "mixed_from": name} for row in rows]
        taken[name] = {"path": str(part.path), "rows": len(found), "taken": len(rows)}
    if len(set(forms.values())) > 1:
        said = ", ".join(f"{name}: {form}s" for name, form in forms.items())
        raise UserError(f"parts: expected rows of one form, got {said}")
    stream("mix", mixture.seed, "order").shuffle(drawn)
    return forms[name], drawn, taken


def take(rows: Sequence[Row], count: int, name: str, seed: int) -> list[Row]:
    """`count` of the rows in a random order; beyond their number it begins again, in the same order."""
    order = list(range(len(rows)))
    stream("mix", seed, "part", name).shuffle(order)
    return [rows[order[i % len(rows)]] for i in range(count)]


def shares(taken: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Of the mixture, by part."""
    total = sum(part["taken"] for part in taken.values())
    return {name: part["taken"] / total for name, part in taken.items()}
