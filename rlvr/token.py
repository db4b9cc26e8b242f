"""A fresh token for a Ray cluster of our own.

Ray reads these variables when it is imported and turns authentication on once a machine has a token file; server and
clients must then agree. So `ensure` comes before the first import of ray, which this module leaves out.
"""

import os
import secrets


def ensure() -> None:
    """Give this process and its children a token, unless a cluster is named or a mode is set already."""
    if not os.environ.get("RAY_ADDRESS") and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
