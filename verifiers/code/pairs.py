"""Tests made of inputs and outputs: of a function, or of a program that reads standard input and writes to output."""

import asyncio
import json
from collections.abc import Callable

from sandbox import Limits, RunRequest, Sandbox, SandboxError
from verifiers.code.calls import START_S, Answers, CallFailed, Program, make_calls
from verifiers.code.checker import check_all
from verifiers.code.compare import as_json, same_text, same_value
from verifiers.code.guest.codec import Encoder
from verifiers.code.reference import InputOutputTests
from verifiers.code.run import OUTPUT_BYTES, ending, run_twice_if_killed
from verifiers.code.score import Results, status, written


async def function_results(sandbox: Sandbox, program: Program, tests: InputOutputTests, stop: bool) -> Results:
    """`fn_name`: a function at the top level, or a method of `class Solution`."""
    target = {"name": tests.fn_name}
    calls = [[target, None, Encoder().encode(tests.arguments(index)), {}] for index in range(tests.count())]
    answers = await make_calls(sandbox, program, calls, stop=stop)

    def passes(index: int) -> bool:
        value = answers.value(index)
        return any(same_value(expected, value, tests) for expected in tests.expected(index))

    def case(index: int) -> tuple[str, str, str]:
        try:
            actual = json.dumps(as_json(answers.value(index)))
        except (TypeError, ValueError) as error:  # not JSON, or an integer too long to be written
            raise CallFailed("wrong_answer") from error
        if len(actual) > OUTPUT_BYTES:
            raise CallFailed("output_limit")
        return json.dumps(tests.arguments(index)), json.dumps(tests.expected(index)[0]), actual

    found = await statuses(sandbox, tests, passes, case)
    return Results(found, answers.message, shown=lambda index: written(answers.value(index)))


async def script_results(sandbox: Sandbox, program: Program, tests: InputOutputTests, stop: bool) -> Results:
    """The program reads each input from standard input."""
    inputs = [tests.stdin(index) for index in range(tests.count())]
    if tests.language == "python":
        answers = await make_calls(sandbox, program, inputs, guest="scripts", stop=stop)
    else:
        answers = await run_each(sandbox, program, inputs, stop)

    def passes(index: int) -> bool:
        return same_text(tests.stdout(index), answers.output(index), tests)

    def case(index: int) -> tuple[str, str, str]:
        return inputs[index], tests.stdout(index), answers.output(index)

    return Results(await statuses(sandbox, tests, passes, case), answers.message, shown=answers.output)


async def statuses(
    sandbox: Sandbox,
    tests: InputOutputTests,
    passes: Callable[[int], bool],
    case: Callable[[int], tuple[str, str, str]],
) -> list[str]:
    """One status a test: by comparison, or by the task's checker for those that ran to their end."""
    if tests.checker is None:
        return [status(passes, index) for index in range(tests.count())]
    found = [status(lambda index: bool(case(index)), index) for index in range(tests.count())]
    ran = [index for index, text in enumerate(found) if text == "passed"]
    for index, accepted in zip(ran, await check_all(sandbox, tests, [case(index) for index in ran]), strict=True):
        found[index] = "passed" if accepted else "wrong_answer"
    return found


async def run_each(sandbox: Sandbox, program: Program, inputs: list[str], stop: bool) -> Answers:
    """Languages other than Python: one run of the sandbox a test, the first one alone to see whether it compiles."""
    answers = Answers()
    await run_one(sandbox, program, inputs[0], answers, 0)
    if not answers.broken and not (stop and 0 in answers.failures):
        await asyncio.gather(
            *(run_one(sandbox, program, text, answers, index) for index, text in enumerate(inputs) if index)
        )
    return answers


async def run_one(sandbox: Sandbox, program: Program, text: str, answers: Answers, index: int) -> None:
    tests = program.tests
    limits = Limits(wall_s=START_S + 3 * tests.time_limit_s, memory_mb=tests.memory_mb, output_bytes=OUTPUT_BYTES // 4)
    request = RunRequest(tests.language, program.text, stdin=text, limits=limits)
    result = await run_twice_if_killed(sandbox, request)
    if result.status == "sandbox_error":
        raise SandboxError(f"sandbox_error: {result.stderr[-500:]}")
    answers.message = answers.message or result.stderr[-500:]
    if result.status == "compile_error":
        answers.broken = "syntax_error"
    elif result.cpu_s > tests.time_limit_s:
        answers.failures[index] = "time_limit"
    elif result.status == "ok":
        answers.outcomes[index] = {"exit": 0, "output": result.stdout}
    else:
        answers.failures[index] = ending(result.status, result.signal)
