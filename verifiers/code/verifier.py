"""CodeVerifier: is the program in the response right, judged by the task's tests?"""

from typing import Any

from sandbox import Sandbox, SandboxError, SandboxUnavailable
from verifiers.base import Verdict, VerifierError
from verifiers.code.calls import Program, make_calls
from verifiers.code.evaluate import Unsupported
from verifiers.code.extract import complete, extract_program
from verifiers.code.inline import inline_results
from verifiers.code.oracle import Oracle
from verifiers.code.pairs import function_results, script_results
from verifiers.code.reference import (
    AnyTests,
    AssertTests,
    CheckTests,
    CodeParams,
    CodeReference,
    InputOutputTests,
    OracleTests,
)
from verifiers.code.replay import Replayer, UndecidedTests, Unsendable
from verifiers.code.score import Results, status, verdict_of, written
from verifiers.code.shared import shared_sandbox
from verifiers.code.turn import TurnedTest, holds, turn


class CodeVerifier:
    """Runs the program in a sandbox on inputs only, and compares what comes out with the expected answers outside."""

    name = "code"
    version = "1.1.0"
    isolation = "sandbox"
    Reference = CodeReference
    Params = CodeParams

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox
        self._replayer = Replayer()
        self._oracle = Oracle()

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox or shared_sandbox()

    async def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        """Raises ValidationError for a reference of the wrong shape, SandboxUnavailable where nothing can run safely.

        A sandbox or test code that fails gives an `error`, never a 0.
        """
        tests = CodeReference.model_validate(reference).root
        rules = CodeParams.model_validate(params or {})
        text = extract_program(response, tests.language, defined_name(tests))
        if text is None:
            return Verdict.no_answer("no_code")
        stop = rules.scoring == "all" or rules.stop_at_first_failure
        try:
            return verdict_of(await self._results(text, tests, stop), tests, rules, text)
        except UndecidedTests as error:
            return Verdict.undecided("tests_undecided", extracted=text, details={"message": str(error)})
        except VerifierError as error:
            return Verdict.error("broken_tests", extracted=text, details={"message": str(error)})
        except SandboxUnavailable:
            raise
        except SandboxError as error:
            return Verdict.error("sandbox_error", extracted=text, details={"message": str(error)})

    async def _results(self, text: str, tests: AnyTests, stop: bool) -> Results:
        if isinstance(tests, InputOutputTests):
            run = script_results if tests.fn_name is None else function_results
            return await run(self.sandbox, Program(text, tests, convenience=True), tests, stop)
        if isinstance(tests, (CheckTests, OracleTests)):
            text = complete(tests.prompt, text, tests.entry_point)
        if isinstance(tests, OracleTests):
            return await self._oracle.results(self.sandbox, Program(text, tests), tests, stop)
        return await self._assertions(Program(text, tests), tests, stop)

    async def _assertions(self, program: Program, tests: AssertTests | CheckTests, stop: bool) -> Results:
        """The strongest way that these tests allow: outside, replayed apart from the program, beside the program."""
        turned = turn(tests)
        if turned is not None:
            try:
                return await self._turned(program, turned, stop)
            except Unsupported:
                pass  # What the program returned needs more of Python than `evaluate` knows.
        try:
            return await self._replayer.results(self.sandbox, program, tests)
        except Unsendable:
            return await inline_results(self.sandbox, program, tests)

    async def _turned(self, program: Program, turned: list[TurnedTest], stop: bool) -> Results:
        calls = [call for test in turned for call in test.calls]
        answers = await make_calls(self.sandbox, program, calls, stop=stop)
        if answers.broken:
            return Results([answers.broken] * len(turned), answers.message)
        starts = [sum(len(test.calls) for test in turned[:index]) for index in range(len(turned))]

        def passes(index: int) -> bool:
            return holds(turned[index], lambda position: answers.value(starts[index] + position))

        def shown(index: int) -> str:
            """What the test's calls returned."""
            first = starts[index]
            return ", ".join(written(answers.value(first + place)) for place in range(len(turned[index].calls)))

        return Results([status(passes, index) for index in range(len(turned))], answers.message, shown=shown)


def defined_name(tests: AnyTests) -> str | None:
    if isinstance(tests, (CheckTests, OracleTests)):
        return tests.entry_point
    return tests.fn_name if isinstance(tests, InputOutputTests) else None
