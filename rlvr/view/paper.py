"""A table ready for a paper: accuracy by benchmark with 95% intervals, and what each step or run changed."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from rlvr.evaluation.estimates import Estimate, difference, share
from rlvr.view import story
from rlvr.view.scores import ALL, Scores

MINUS = "\N{MINUS SIGN}"
Models = Mapping[str, Mapping[str, Scores]]
"""Model -> benchmark -> scores."""
Cells = list[str]


def of_run(models: Models) -> list[Cells]:
    """A header, a row a model, and the difference of each from the one before."""
    names, columns = list(models), benchmarks(models)
    rows: list[Cells] = [["model", *columns]]
    rows += [[story.name(name), *(_mean(models[name].get(column)) for column in columns)] for name in names]
    for old, new in pairwise(names):
        label = f"{story.name(new)} {MINUS} {story.name(old)}"
        rows.append([label, *(_delta(models[old].get(c), models[new].get(c)) for c in columns)])
    return rows


def of_two(labels: tuple[str, str], first: Models, second: Models) -> list[Cells]:
    """For every model that both runs have: the first's, the second's, and the second's less the first's."""
    shared = [name for name in first if name in second]
    columns = benchmarks(
        {label: runs[name] for label, runs in zip(labels, (first, second), strict=True) for name in shared}
    )
    rows: list[Cells] = [["model", *columns]]
    for name in shared:
        for label, run in zip(labels, (first, second), strict=True):
            rows.append([f"{label}, {story.name(name)}", *(_mean(run[name].get(column)) for column in columns)])
        differences = [_delta(first[name].get(column), second[name].get(column)) for column in columns]
        rows.append([f"difference, {story.name(name)}", *differences])
    return rows


def benchmarks(models: Models) -> list[str]:
    names = {name for model in models.values() for name in model}
    return [*sorted(names - {ALL}), ALL] if ALL in names else sorted(names)


def _mean(scores: Scores | None) -> str:
    return text(share(list(scores.values()))) if scores else ""


def _delta(before: Scores | None, after: Scores | None) -> str:
    return text(gain(before, after), signed=True) if before and after else ""


def gain(before: Scores, after: Scores) -> Estimate:
    """How much better `after` is: paired by task where both judged the same tasks.

    Where they did not, the tasks that they happen to share would be a poor sample of both. Then it is the difference of
    the two means, with the interval that follows from theirs (Newcombe 1998, method 10).
    """
    if before.keys() == after.keys():
        return difference(before, after)
    old, new = share(list(before.values())), share(list(after.values()))
    value = new.value - old.value
    if old.low is None or old.high is None or new.low is None or new.high is None:
        return Estimate(value, None, None)
    down = math.hypot(new.value - new.low, old.high - old.value)
    up = math.hypot(new.high - new.value, old.value - old.low)
    return Estimate(value, value - down, value + up)


def text(found: Estimate, signed: bool = False) -> str:
    """`92.5 [88.0, 95.4]`, in percent or percentage points."""
    form = "{:+.1f}" if signed else "{:.1f}"
    ends = [end for end in (found.low, found.high) if end is not None]
    value, *shown = (form.format(100 * each).replace("-", MINUS) for each in (found.value, *ends))
    return f"{value} [{', '.join(shown)}]" if shown else value


def markdown(rows: Sequence[Cells]) -> str:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in [head, rule, *body]
    )


def latex(rows: Sequence[Cells]) -> str:
    """For the package booktabs."""
    head, *body = rows
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", _latex_row(head), r"\midrule"]
    return "\n".join([*lines, *map(_latex_row, body), r"\bottomrule", r"\end{tabular}", ""])


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(_escaped(cell) for cell in cells) + r" \\"


def _escaped(cell: str) -> str:
    escaped = re.sub(r"[&%$#_{}]", r"\\\g<0>", cell.replace("\\", "/").replace("~", " ").replace("^", " "))
    return re.sub(rf"{MINUS}(?=[\d.])", "$-$", escaped).replace(MINUS, "--")


FORMS = {"markdown": markdown, "latex": latex}
