"""The protocols of other projects, so that their reward clients need no more than our URL: one small file each.

A client is kept waiting as long as it would wait, and then gets the status that makes it come back, because most of
them make a reward of 0 out of anything else. What could not be judged is an HTTP error, never a number.
"""

from verifiers.wire import (
    judge0,
    llama_factory,
    nemo_gym,
    nemo_skills,
    open_instruct,
    openrlhf,
    piston,
    sandbox_fusion,
    slime,
)

ROUTERS = [
    part.router
    for part in (
        sandbox_fusion,
        open_instruct,
        openrlhf,
        slime,
        llama_factory,
        nemo_gym,
        nemo_skills,
        piston,
        judge0,
    )
]
BUSY = {"/run_code": sandbox_fusion.BUSY, "/test_program": 503, "/test_program_stdio": 503, "/get_reward": 503}
"""Paths whose clients need another status than 429 for "too much just now"."""
