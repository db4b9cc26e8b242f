"""CodeVerifier: is the program in the response right, judged by the task's tests?"""

from typing import Any

from sandbox import Sandbox
from verifiers.base import Verdict
from verifiers.code.calls import CallFailed, Program, make_calls
from verifiers.code.compare import same_value
from verifiers.code.evaluate import Unsupported
from verifiers.code.extract import complete, extract_program
from verifiers.code.guest.codec import Encoder
from verifiers.code.reference import AssertTests, CheckTests, CodeParams, CodeReference, InputOutputTests
from verifiers.code.replay import Replayer
from verifiers.code.score import Results, verdict_of
from verifiers.code.shared import shared_sandbox
from verifiers.code.turn import TurnedTest, holds, turn


class CodeVerifier:
    """Runs the program in a sandbox on inputs only, and compares what comes out with the expected answers outside."""

    name = "code"
    version = "1.0.0"
    isolation = "sandbox"
    Reference = CodeReference
    Params = CodeParams

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox
        self._replayer = Replayer()

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox or shared_sandbox()

    async def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        """Raises ValidationError for a reference of the wrong shape and VerifierError when the sandbox fails."""
        tests = CodeReference.model_validate(reference).root
        rules = CodeParams.model_validate(params or {})
        text = extract_program(response, tests.language, defined_name(tests))
        if text is None:
            return Verdict.no_answer("no_code")
        stop = rules.scoring == "all" or rules.stop_at_first_failure
        return verdict_of(await self._results(text, tests, stop), tests, rules, text)

    async def _results(self, text: str, tests: AssertTests | CheckTests | InputOutputTests, stop: bool) -> Results:
        if isinstance(tests, InputOutputTests):
            return await self._function(Program(text, tests, convenience=True), tests, stop)
        if isinstance(tests, CheckTests):
            text = complete(tests.prompt, text, tests.entry_point)
        return await self._assertions(Program(text, tests), tests, stop)

    async def _function(self, program: Program, tests: InputOutputTests, stop: bool) -> Results:
        encode = Encoder().encode
        calls = [[{"name": tests.fn_name}, None, encode(tests.arguments(index)), {}] for index in range(tests.count())]
        answers = await make_calls(self.sandbox, program, calls, stop=stop)

        def passes(index: int) -> bool:
            value = answers.value(index)
            return any(same_value(expected, value, tests) for expected in tests.expected(index))

        return Results([status(passes, index) for index in range(tests.count())], answers.message)

    async def _assertions(self, program: Program, tests: AssertTests | CheckTests, stop: bool) -> Results:
        turned = turn(tests)
        if turned is not None:
            try:
                return await self._turned(program, turned, stop)
            except Unsupported:
                pass  # What the program returned needs more of Python than `evaluate` knows.
        return await self._replayer.results(self.sandbox, program, tests)

    async def _turned(self, program: Program, turned: list[TurnedTest], stop: bool) -> Results:
        calls = [call for test in turned for call in test.calls]
        answers = await make_calls(self.sandbox, program, calls, stop=stop)
        if answers.broken:
            return Results([answers.broken] * len(turned), answers.message)
        starts = [sum(len(test.calls) for test in turned[:index]) for index in range(len(turned))]

        def passes(index: int) -> bool:
            return holds(turned[index], lambda position: answers.value(starts[index] + position))

        return Results([status(passes, index) for index in range(len(turned))], answers.message)


def status(passes: Any, index: int) -> str:
    try:
        return "passed" if passes(index) else "wrong_answer"
    except CallFailed as failure:
        return str(failure)


def defined_name(tests: AssertTests | CheckTests | InputOutputTests) -> str | None:
    if isinstance(tests, CheckTests):
        return tests.entry_point
    return tests.fn_name if isinstance(tests, InputOutputTests) else None
