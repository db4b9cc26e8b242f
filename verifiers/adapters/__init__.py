"""Reward functions for other trainers, each a few lines over our client. They import none of these trainers.

Where the service is comes from `RLVR_URL` (http://127.0.0.1:8000 by default), its key from `RLVR_API_KEY`.
"""

import os
from collections.abc import Mapping
from typing import Any


def connection() -> dict[str, Any]:
    """The arguments of `Client` and `AsyncClient`."""
    return {"url": os.environ.get("RLVR_URL", "http://127.0.0.1:8000"), "api_key": os.environ.get("RLVR_API_KEY")}


def text_of(completion: str | list[Mapping[str, Any]]) -> str:
    """The text of a completion, which may come as chat messages."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])
