"""For failing.py: a verifier that judges as another one does and, while a file is there, breaks in 3 of 10 cases."""

import os
import random
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from verifiers import Verdict, VerifierError, averify

SHARE = 0.3
SWITCH = "RLVR_FAILING"
"""Names the file."""


class Inner(BaseModel):
    """The verifier that judges, and its reference."""

    verifier: str
    reference: Any


class FailingVerifier:
    """As said above."""

    name = "failing"
    version = "1"
    Reference = Inner
    isolation = "inline"

    async def verify(self, response: str, reference: Inner, params: object = None) -> Verdict:
        if _is_down():
            raise VerifierError("its service is down")
        return await averify(reference.verifier, response, reference.reference)


def _is_down() -> bool:
    return Path(os.environ[SWITCH]).exists() and random.random() < SHARE
