"""What a recipe will cost, what its run has cost, and what that is for each record that was kept."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from rlvr.data.log import Entry, entries
from rlvr.data.make import CONFIG
from rlvr.data.recipe import Recipe
from rlvr.data.recipe import load as load_recipe
from rlvr.data.request import Usage
from rlvr.data.rounds import REJECTED, manifest
from rlvr.data.status import named
from rlvr.data.teachers.ledger import Cost, cost
from rlvr.settings import load


@dataclass
class Bill:
    """One teacher's. What was under way at a kill is in `lost`, and in full in `dollars`."""

    answers: int = 0
    failed: int = 0
    lost: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    """Some of the tokens are our own estimate: the server did not say."""
    dollars: Decimal = field(default_factory=Decimal)

    def row(self) -> dict[str, Any]:
        return asdict(self) | {"dollars": float(self.dollars)}


def predicted(recipe: Recipe) -> dict[str, Bill]:
    """What the configuration and published yields tell, by teacher."""
    teachers = recipe.config.teachers()
    bills = {role: Bill(estimated=True) for role in teachers}
    for part in recipe.forecast():
        usage = Usage(part.calls * part.input_tokens, part.calls * part.output_tokens)
        bill = bills[part.teacher]
        bill.answers += part.calls
        bill.input_tokens += usage.input_tokens
        bill.output_tokens += usage.output_tokens
        bill.dollars += cost(usage, teachers[part.teacher].price).dollars
    return bills


def spent(found: Iterable[Entry]) -> dict[str, Bill]:
    """What the log says, by teacher."""
    bills: dict[str, Bill] = {}
    under_way: dict[str, tuple[str, Cost]] = {}
    for entry in found:
        bill = bills.setdefault(entry.teacher, Bill())
        before = under_way.pop(entry.key, None)
        if entry.kind == "sent":
            _lose(bills, before)
            under_way[entry.key] = entry.teacher, Cost.of(entry.row["reserved"])
            continue
        bill.dollars += Cost.of(entry.row["spent"]).dollars
        if entry.kind == "failed":
            bill.failed += 1
            continue
        usage = Usage(**entry.row["reply"]["usage"])
        bill.answers += 1
        bill.input_tokens += usage.input_tokens
        bill.output_tokens += usage.output_tokens
        bill.estimated |= usage.estimated
    for left in under_way.values():
        _lose(bills, left)
    return bills


def _lose(bills: dict[str, Bill], sent: tuple[str, Cost] | None) -> None:
    """An attempt whose end was never written."""
    if sent is not None:
        bills[sent[0]].lost += 1
        bills[sent[0]].dollars += sent[1].dollars


def of_run(out: Path) -> dict[str, Any]:
    """Predicted and real bills, and dollars for each kept record (None while there is none). Raises UserError."""
    kind = load_recipe(named(out)[0])
    recipe = kind(load.load(kind.Config, out / CONFIG))
    before, now = predicted(recipe), spent(entries(out))
    dollars = sum((bill.dollars for bill in now.values()), Decimal())
    written = manifest(out).get("files", {})
    records = sum(file["records"] for name, file in written.items() if name not in {REJECTED, *recipe.again})
    return {
        "predicted": {role: bill.row() for role, bill in before.items()},
        "spent": {role: bill.row() for role, bill in now.items()},
        "predicted_dollars": float(sum((bill.dollars for bill in before.values()), Decimal())),
        "dollars": float(dollars),
        "records": records,
        "dollars_per_record": float(dollars / records) if records else None,
    }
