"""The environment of a Ray cluster of our own: a fresh token, and workers that are not put behind everything else.

Ray reads these variables when it is imported, so `prepare` comes before that, and this module leaves ray out. It turns
authentication on once a machine has a token file; server and clients must then agree on a token.
"""

import os
import secrets


def prepare() -> None:
    """Set up this process and its children, unless a cluster is named (RAY_ADDRESS)."""
    if os.environ.get("RAY_ADDRESS"):
        return
    os.environ.setdefault("RAY_worker_niceness", "0")
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
