"""One way to turn values into bytes, digests and random streams, so that the same inputs give the same data anywhere.

Nothing here reads the clock, the process or Python's own hash, which differs between processes.
"""

import hashlib
import json
import random
from typing import Any


def digest(*parts: Any) -> str:
    """128 bits in hex of JSON-able parts; the order of an object's keys does not matter."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def stream(*parts: Any) -> random.Random:
    """A random stream of its own for what the parts name, independent of all others and of the order of use."""
    return random.Random(int(digest(*parts), 16))


def line(row: dict[str, Any]) -> str:
    """A row as one line of JSONL, keys in the order in which they stand."""
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": ")) + "\n"
