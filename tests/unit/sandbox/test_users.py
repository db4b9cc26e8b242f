"""Two runs at once never belong to the same user of the host."""

import os
import subprocess
import sys

import pytest

from sandbox import SandboxUnavailable
from sandbox.process.backend import USER_IDS, ProcessSandbox
from sandbox.users import Claim

MINE = range(4_000_000, 4_000_003)


def test_everybody_has_another_and_one_is_free_again_after_its_release() -> None:
    claims = [Claim(MINE, 1) for _ in MINE]
    assert [claim.user_id for claim in claims] == [4_000_001, 4_000_002, 4_000_000]
    claims[2].release()
    claims[2].release()
    claims[2] = Claim(MINE, 1)
    assert claims[2].user_id == 4_000_000
    for claim in claims:
        claim.release()


def test_where_all_are_taken_one_is_shared() -> None:
    claims = [Claim(MINE, 0) for _ in range(4)]
    assert claims[3].user_id == claims[0].user_id
    for claim in claims:
        claim.release()


def test_a_claim_goes_with_its_process() -> None:
    code = "import os; from sandbox.users import Claim; os._exit(Claim(range(40, 43), 0).user_id)"
    assert {subprocess.run([sys.executable, "-c", code], check=False).returncode for _ in range(3)} == {40}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's runs belong to users of their own")
def test_sandboxes_of_several_processes_have_different_users() -> None:
    taken = [Claim(USER_IDS, os.getpid() + number) for number in range(10)]
    try:
        with ProcessSandbox(parallel=1) as box:
            (claim,) = box._claims
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    finally:
        for other in taken:
            other.release()
    assert claim.user_id not in {other.user_id for other in taken}
