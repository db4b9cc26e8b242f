import asyncio

from sandbox import RunRequest, RunResult
from verifiers.code.run import run_twice_if_killed
from verifiers.code.verifier import CodeVerifier

KILLED = RunResult("error", signal=9)


class Scripted:
    """A sandbox whose runs end as the test wrote down."""

    layers = ()

    def __init__(self, *results):
        self.results = list(results)

    async def arun(self, request):
        return self.results.pop(0)


def outcome(*results):
    sandbox = Scripted(*results)
    found = asyncio.run(run_twice_if_killed(sandbox, RunRequest("python", "")))
    return found, len(sandbox.results)


def test_a_program_that_somebody_killed_gets_a_second_run():
    assert outcome(KILLED, RunResult("ok", exit_code=0)) == (RunResult("ok", exit_code=0), 0)
    assert outcome(RunResult("killed", signal=9), KILLED) == (KILLED, 0)


def test_no_other_end_is_forgiven():
    for result in (RunResult("error", signal=6), RunResult("memory", signal=9), RunResult("error", exit_code=137)):
        assert outcome(result, RunResult("ok")) == (result, 1)


def test_a_program_that_kills_itself_is_wrong():
    program = "import os\nos.kill(os.getpid(), 9)\ndef f():\n    return 1\n"
    verdict = asyncio.run(CodeVerifier().verify(program, {"test_list": ["assert f() == 1"]}))
    assert (verdict.status, verdict.reason) == ("incorrect", "runtime_error")
