"""How far a run is, from its files alone, whether it is going on or not."""

from collections import Counter
from pathlib import Path
from typing import Any

from rlvr.data.log import entries
from rlvr.data.make import CONFIG
from rlvr.data.rounds import manifest, read
from rlvr.errors import UserError


def named(out: Path) -> tuple[str, str]:
    """Name and version of the recipe whose run this is. Raises UserError where there is none."""
    config = out / CONFIG
    head = config.read_text().partition("\n")[0] if config.is_file() else ""
    if not head.startswith("# rlvr data "):
        raise UserError(f"{out}: expected a recipe's run directory, with a {CONFIG} that `rlvr data` wrote")
    name, _, version = head.removeprefix("# rlvr data ").partition(", version ")
    return name, version


def status(out: Path) -> dict[str, Any]:
    """Recipe, finished rounds, records kept, records rejected by reason, and answers of teachers so far.

    Raises UserError where there is no run.
    """
    name, version = named(out)
    done = read(out)
    rejected = Counter(str(record.rejected) for record in done.rejected)
    return {
        "recipe": name,
        "version": version,
        "complete": manifest(out).get("complete", False),
        "rounds": done.rounds,
        "kept": len(done.kept),
        "rejected": dict(rejected.most_common()),
        "answers": sum(entry.kind == "reply" for entry in entries(out)),
    }
