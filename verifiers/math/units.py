"""Units of measurement: which dimension and which factor a written unit has.

Units that are not in the table (`apples`, `ways`) are counted things: they say what a number counts, and do not take
part in the comparison. Temperatures in different scales are not converted.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from verifiers.math.nodes import PI, Node, div, num
from verifiers.math.vocabulary import names


class Unit(NamedTuple):
    """A factor to the base unit of its dimension, and powers of base dimensions, sorted by name."""

    factor: Node
    dimension: tuple[tuple[str, int], ...]


def _table(dimension: str, rows: dict[str, str | int | Fraction]) -> dict[str, tuple[str, Fraction]]:
    return {name: (dimension, Fraction(value)) for names, value in rows.items() for name in names.split()}


INCH, POUND = Fraction(254, 10000), Fraction(45359237, 100000000)
TABLE: dict[str, tuple[str, Fraction]] = {
    **_table("length", {
        "m meter metre": 1, "cm centimeter centimetre": "1/100", "mm millimeter millimetre": "1/1000",
        "dm decimeter decimetre": "1/10", "km kilometer kilometre": 1000, "um micrometer micron": "1/1000000",
        "nm nanometer": "1/1000000000", "in inch inche": INCH, "ft foot feet": 12 * INCH, "yd yard": 36 * INCH,
        "mi mile": 63360 * INCH,
    }),
    **_table("mass", {
        "g gram": "1/1000", "kg kilogram kilo": 1, "mg milligram": "1/1000000", "lb pound": POUND,
        "oz ounce": POUND / 16, "tonne": 1000, "ton": 2000 * POUND,
    }),
    **_table("time", {
        "s sec second": 1, "ms millisecond": "1/1000", "min minute": 60, "h hr hour": 3600, "day": 86400,
        "week": 604800, "fortnight": 1209600,
    }),
    **_table("year", {"yr year": 1, "month": "1/12", "decade": 10, "century centurie": 100}),
    **_table("usd", {"usd dollar $ buck": 1, "cent": "1/100", "penny pennie": "1/100"}),
    **_table("eur", {"eur euro": 1}),
    **_table("gbp", {"sterling": 1}),
    **_table("angle", {"deg degree": 1, "arcminute": "1/60", "revolution rev": 360}),
    **_table("radian", {"rad radian": 1}),
    **_table("celsius", {"degc celsiu celsius": 1}),
    **_table("fahrenheit", {"degf fahrenheit": 1}),
    **_table("kelvin", {"kelvin": 1}),
    **_table("volume", {
        "l liter litre": "1/1000", "ml milliliter millilitre": "1/1000000", "cc": "1/1000000",
        "gallon gal": 231 * INCH**3, "quart qt": Fraction(231, 4) * INCH**3, "pint pt": Fraction(231, 8) * INCH**3,
        "cup": Fraction(231, 16) * INCH**3,
    }),
    **_table("area", {"hectare ha": 10000, "acre": Fraction(4840) * (36 * INCH) ** 2}),
    **_table("force", {"n newton": 1}),
    **_table("energy", {"j joule": 1, "kj kilojoule": 1000}),
    **_table("power", {"w watt": 1, "kw kilowatt": 1000}),
    **_table("frequency", {"hz hertz": 1, "khz": 1000}),
    **_table("am", {"am": 1}),
    **_table("pm", {"pm": 1}),
}  # fmt: skip
COMPOUND = {"mph": "mile per hour", "kph": "km per hour", "kmph": "km per hour", "kmh": "km per hour", "mps": "m per s"}
DERIVED = {"volume": ("length", 3), "area": ("length", 2)}
SCALES = {
    "dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
PERCENT = {"percent", "percentage", "per cent", "pct", "percents"}
NEGATIONS = names(
    "not no isn't never wrong incorrect false or nor either maybe perhaps if unless except but is are was minus plus "
    "times over less more than least most greater fewer to between approximately half squared cubed"
)
"""Words that no unit contains: behind a number they say something else about it."""


@lru_cache(maxsize=1024)
def unit_of(text: str) -> Unit | None:
    """The unit that the words name; None for counted things."""
    text = " ".join(text.lower().replace(".", "").split())
    text = re.sub(r"\b(mph|kph|kmph|kmh|mps)\b", lambda match: COMPOUND[match[0]], text)
    powers: dict[str, int] = {}
    factor = Fraction(1)
    radians = 0
    for at, part in enumerate(re.split(r"\s*(?:\bper\b|/)\s*", text)):
        sign = -1 if at else 1
        factors = _factors(part)
        if factors is None:
            return None
        for dimension, scale, count in factors:
            name, multiple = DERIVED.get(dimension, (dimension, 1))
            if name == "radian":
                name, radians = "angle", radians + sign * count
            powers[name] = powers.get(name, 0) + sign * count * multiple
            factor *= scale ** (sign * count)
    if not powers:
        return None
    scale_node = num(factor) if not radians else div(num(factor * 180), PI)
    return Unit(scale_node, tuple(sorted((name, count) for name, count in powers.items() if count)))


def _factors(text: str) -> list[tuple[str, Fraction, int]] | None:
    """Dimension, factor and power of every unit in a product such as `kg m^2` or `square meters`."""
    found: list[tuple[str, Fraction, int]] = []
    pending = 1
    for word in re.findall(r"[a-z$']+(?:\^?-?\d)?", text):
        if word in ("square", "sq"):
            pending = 2
        elif word in ("cubic", "cu"):
            pending = 3
        elif word in ("squared", "cubed") and found:
            found[-1] = (*found[-1][:2], 2 if word == "squared" else 3)
        else:
            match = re.fullmatch(r"([a-z$']+?)s?(?:\^?(-?\d))?", word)
            row = TABLE.get(word) or (match and (TABLE.get(match[1]) or TABLE.get(match[1] + "s")))
            if match is None or row is None:
                return None
            found.append((row[0], row[1], pending * int(match[2] or 1)))
            pending = 1
    return found if found and pending == 1 else None


def is_quantity_word(text: str) -> bool:
    """Can these words stand behind a number and leave its value alone?"""
    words = re.findall(r"[a-z']+", text.lower())
    clean = re.fullmatch(r"(?:[a-z'.,$/\- ]|\^?-?\d(?=\s|$|/))*", text.lower())
    return bool(clean) and len(words) <= 6 and not NEGATIONS.intersection(words)


def mixed_quantity(node: Node) -> Node:
    """`2 hours 30 minutes`, `5 feet and 3 inches`: every part is less than one of the unit before it. Else the node."""
    units = [unit_of(part.name) for part in node.args]
    first = units[0]
    if first is None or any(unit is None or unit.dimension != first.dimension for unit in units):
        return node
    sizes = [unit.factor.value for unit in units if unit is not None]
    values = [part.args[0] for part in node.args]
    if any(value.kind != "num" for value in values) or 0 in sizes:
        return node
    amounts = [value.value * size for value, size in zip(values, sizes, strict=True)]
    if any(amount >= size for amount, size in zip(amounts[1:], sizes, strict=False)):
        return node
    return Node("unit", (num(sum(amounts) / first.factor.value),), node.args[0].name)
