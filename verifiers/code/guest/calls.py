"""Loads an untrusted program, makes the calls it is told to make and reports what they returned.

It is given inputs only. Each report is one line of JSON behind a token of this run, written as soon as the call is
done, so that what a crash leaves is still readable. A program that forges reports gains nothing: it would have to know
the right answers, and then it could return them. Time limits are kernel timers whose signal ends the process.
"""

import ast
import builtins
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import CodeType, ModuleType
from typing import Any, NoReturn

from verifiers.code.guest.codec import Encoder, decode

CONVENIENCE = (
    "typing",
    "collections",
    "heapq",
    "bisect",
    "itertools",
    "functools",
    "math",
    "string",
    "random",
)
"""Where names come from that judges of programming contests let a program use without importing them."""
MODULES = {*CONVENIENCE, "copy", "datetime", "json", "re", "sys"}


def main(sent: bytes) -> NoReturn:
    """Ends the process at once: threads and exit handlers of the program have no say in what it returned."""
    work(json.loads(sent))
    os._exit(0)


def work(job: dict[str, Any]) -> None:
    report = reporter(job["token"])
    module = ModuleType("solution")
    sys.modules["solution"] = module
    arm(job["cpu_s"], job["wall_s"])
    if not load(job["program"], module, job["convenience"], report):
        return
    report(["loaded"])
    results: list[Any] = []
    for index, call in enumerate(job["items"]):
        arm(job["cpu_s"], job["wall_s"])
        outcome = make(call, module, results, job["watch"])
        report([index, outcome])
        if "error" in outcome and job["stop"]:
            break
    report(["end"])


def reporter(token: str) -> Callable[[Any], None]:
    """Keep the real stdout for reports and give the program /dev/null for all three streams."""
    channel = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    write, dumps = os.write, json.dumps

    def report(message: Any) -> None:
        line = memoryview(f"{token}{dumps(message, separators=(',', ':'))}\n".encode())
        while line:
            line = line[write(channel, line) :]

    return report


def arm(cpu_s: float, wall_s: float) -> None:
    """End this process after so many seconds of CPU time, or of wall time for a program that sleeps."""
    for timer, number, seconds in (
        (signal.ITIMER_PROF, signal.SIGPROF, cpu_s),
        (signal.ITIMER_REAL, signal.SIGALRM, wall_s),
    ):
        signal.signal(number, signal.SIG_DFL)
        signal.setitimer(timer, seconds)


def load(program: str, module: ModuleType, convenience: bool, report: Callable[[Any], None]) -> bool:
    """Execute the program's top level. To exit there, or to find no input to read, is an ordinary end of a script."""
    try:
        code = compile(program, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        report(["syntax", describe(error)])
        return False
    if convenience:
        supply(program, code, module)
    try:
        exec(code, module.__dict__)
    except (SystemExit, EOFError):
        pass
    except BaseException as error:
        report(["load", describe(error)])
        return False
    return True


def supply(program: str, code: CodeType, module: ModuleType) -> None:
    """Bind the names of the standard library that the program reads but binds nowhere itself."""
    homes = {name: home for name in {*names(code)} if (home := home_of(name)) is not None}
    if not homes:
        return
    parts = [*ast.walk(ast.parse(program))]
    read = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    bound = {part.id for part in parts if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}
    bound |= {(part.asname or part.name).partition(".")[0] for part in parts if isinstance(part, ast.alias)}
    bound |= {part.name for part in parts if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    for name in (read - bound) & homes.keys():
        source = import_module(homes[name])
        setattr(module, name, source if name in MODULES else getattr(source, name))


def home_of(name: str) -> str | None:
    """The module that a bare name is taken from, or that it names."""
    if name in MODULES:
        return name
    if hasattr(builtins, name) or name.startswith("_"):
        return None
    return next((home for home in CONVENIENCE if hasattr(import_module(home), name)), None)


def names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names(constant)


def make(call: list[Any], module: ModuleType, results: list[Any], watch: bool) -> dict[str, Any]:
    """`call` is [target, attribute or null, args, kwargs or null]; without kwargs the attribute is only read."""
    target, attribute, encoded, keywords = call
    results.append(None)

    def known(tag: str, body: Any) -> Any:
        return refer({tag: body}, module, results)

    try:
        function = refer(target, module, results)
        if attribute is not None:
            function = getattr(function, attribute)
        if keywords is None:
            value = function
        else:
            args = [decode(item, known) for item in encoded]
            value = function(*args, **{key: decode(item, known) for key, item in keywords.items()})
        results[-1] = value
        outcome = {"value": Encoder().encode(value)}
        if watch and keywords is not None:
            after = Encoder().encode(args)
            outcome |= {"args": after} if after != encoded else {}
    except BaseException as error:
        return {"error": describe(error)}
    return outcome


def refer(target: dict[str, Any], module: ModuleType, results: list[Any]) -> Any:
    """What {"ref": n} or {"name": name} stands for; methods of `class Solution` count as names."""
    if "ref" in target:
        return results[target["ref"]]
    name = target["name"]
    if hasattr(module, name):
        return getattr(module, name)
    if hasattr(getattr(module, "Solution", None), name):
        return getattr(module.Solution(), name)
    raise NameError(f"name {name!r} is not defined")


def describe(error: BaseException) -> list[Any]:
    """Name, message and built-in ancestors, so that test code elsewhere can raise the like."""
    kind = type(error)
    try:
        message = str.__str__(str(error))[:500]
    except BaseException:
        message = ""
    ancestors = [base.__name__ for base in type.mro(kind) if vars(builtins).get(base.__name__) is base]
    return [kind.__name__[:100], message, ancestors]
