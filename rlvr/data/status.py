"""How far a run is, from its files alone, whether it is going on or not."""

from collections import Counter
from pathlib import Path
from typing import Any

from rlvr.data.make import CONFIG
from rlvr.data.rounds import read
from rlvr.errors import UserError


def status(out: Path) -> dict[str, Any]:
    """Recipe, finished rounds, records kept, and records rejected by reason. Raises UserError where there is no run."""
    config = out / CONFIG
    if not config.exists():
        raise UserError(f"{out}: expected a recipe's run directory, found no {CONFIG} in it")
    done = read(out)
    _, _, about = config.read_text().splitlines()[0].partition("rlvr data ")
    name, _, version = about.partition(", version ")
    rejected = Counter(str(record.rejected) for record in done.rejected)
    return {
        "recipe": name,
        "version": version,
        "rounds": done.rounds,
        "kept": len(done.kept),
        "rejected": dict(rejected.most_common()),
    }
