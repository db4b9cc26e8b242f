"""Which curves of a stage are worth a look, and what each tells. Metrics that no chart shows are in the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlvr.view.figures import Point
from rlvr.view.lines import Lines, Series
from rlvr.view.run import Row


@dataclass(frozen=True, slots=True)
class Curve:
    title: str
    unit: str
    keys: tuple[str, ...]
    """Metric names; one that ends in `/` takes every family below it."""
    about: str
    share: bool = False
    whole: bool = False
    dots: bool = False
    exact: bool = False
    large: bool = False


LOSS = Curve("Loss", "nats per token", ("loss",), "On the training batches.")
TOKEN_ACCURACY = Curve(
    "Token accuracy",
    "share of tokens",
    ("token_accuracy",),
    "How often the likeliest next token is the demonstrated one.",
    share=True,
    whole=True,
)

CURVES: Mapping[str, Sequence[Curve]] = {
    "rl": (
        Curve(
            "Reward by family",
            "mean score",
            ("reward/",),
            "Scores that the verifiers gave to the sampled answers of each step.",
            share=True,
            whole=True,
            large=True,
        ),
        Curve(
            "Validation accuracy",
            "share right, greedy",
            ("validation/accuracy", "validation/"),
            "Greedy answers to tasks that are never trained on. The best checkpoint is the one that is kept.",
            share=True,
            whole=True,
            dots=True,
            large=True,
        ),
        Curve(
            "Groups that teach",
            "share of groups",
            ("informative",),
            "Groups whose rewards differ. Where all agree there is nothing to learn from.",
            share=True,
            whole=True,
        ),
        Curve("Response length", "tokens", ("response_tokens",), "Mean over the step. A sudden change is a warning."),
        Curve("Entropy", "nats per token", ("entropy",), "How open the policy still is. A fall to 0 is a collapse."),
        Curve(
            "Sampler and learner apart",
            "KL, nats per token",
            ("sampler_kl",),
            "Between the weights that sampled and the weights that learn. It grows with staleness.",
        ),
        Curve("Gradient norm", "L2 norm", ("grad_norm",), "Before clipping."),
        Curve(
            "Faults",
            "share of answers",
            ("errors", "undecided", "truncated"),
            "Errors of a verifier are masked, never scored 0. Undecided and truncated answers are counted.",
            share=True,
            exact=True,
        ),
        Curve("Clipped tokens", "share of tokens", ("clip_share",), "Outside the clip range of the step.", share=True),
        Curve("Staleness", "versions", ("lag",), "Weight versions between sampling and learning.", exact=True),
        Curve("Throughput", "tokens per second", ("tokens_per_s",), "Sampled tokens over the time of the step."),
    ),
    "sft": (LOSS, TOKEN_ACCURACY),
    "dpo": (
        Curve("Loss", "loss per pair", ("loss",), "On pairs of a right and a wrong answer of the model's own."),
        Curve(
            "Pairs ranked right",
            "share of pairs",
            ("pair_accuracy",),
            "How often the right answer has become likelier than the wrong one, against the start.",
            share=True,
            whole=True,
        ),
        TOKEN_ACCURACY,
    ),
    "reward_model": (
        Curve("Loss", "loss per pair", ("loss",), "On the training pairs."),
        Curve(
            "Pairs ranked right", "share of pairs", ("pair_accuracy",), "On the training pairs.", share=True, whole=True
        ),
    ),
}


def charts(kind: str, rows: Sequence[Row], looks: Mapping[str, str]) -> list[tuple[Curve, Lines]]:
    """The charts of a stage that have data."""
    found = []
    for curve in CURVES.get(kind, (LOSS,)):
        series = _series(curve, rows, looks)
        if series:
            flags = (curve.share, curve.whole, curve.dots, curve.exact, curve.large)
            found.append((curve, Lines(curve.title, curve.unit, series, *flags)))
    return found


def families(rows: Sequence[Row]) -> list[str]:
    """Names below `reward/` and `validation/`, `accuracy` over all families left out."""
    names = {key.partition("/")[2] for row in rows for key in row if key.startswith(("reward/", "validation/"))}
    return sorted(names - {"accuracy"})


def _series(curve: Curve, rows: Sequence[Row], looks: Mapping[str, str]) -> list[Series]:
    names: dict[str, None] = {}
    for key in curve.keys:
        names |= dict.fromkeys([f"{key}{family}" for family in looks] if key.endswith("/") else [key])
    found: list[Series] = []
    for name in names:
        points: list[Point] = [(row["step"], row[name]) for row in rows if name in row]
        if points:
            found.append(Series(*_face(name, len(found), looks), points))
    return found


def _face(metric: str, place: int, looks: Mapping[str, str]) -> tuple[str, str]:
    """Name in the legend, and look: a family has the same one in every chart."""
    if metric == "validation/accuracy":
        return "all families", "all"
    family = metric.partition("/")[2]
    if family in looks:
        return family, looks[family]
    return metric.replace("_", " "), f"c{place % 8}"
