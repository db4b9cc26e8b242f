"""Runs the test code of a task in a run of its own: calls into the program are answered from a record.

The record holds what the program returned in another run. A call that is not in it is noted, and the test goes on with
an `Unknown`, so that one pass finds as many calls as it can; the caller then has the program make them and comes back.
The program never sees the test, and what it sent is read as data.
"""

import ast
import builtins
import json
import os
import random
from types import CodeType
from typing import Any

from verifiers.code.guest.codec import Encoder, Opaque, TooLarge, decode
from verifiers.code.guest.stand_ins import BINARY, Handle, Name, StandIn, Undetermined, Unknown

Call = list[Any]
HOOK, DROP = "__rlvr_assert__", "__rlvr_drop__"
SITE = f"try:\n {HOOK}(0, bool(0), None)\nexcept Exception as {HOOK}error:\n {HOOK}(0, False, {HOOK}error)"
OPERATORS = frozenset(f"__{name}__" for name in (*BINARY.split(), "iter", "enter"))
"""What an object of the program gives when it is combined with another is such an object again."""


class Unsendable(BaseException):
    """The test gives the program something that cannot leave this process, a function of its own for one."""


class Died(BaseException):
    """The program ended during this call."""


class Session:
    """The calls of the test so far, matched in order against the record."""

    def __init__(self, record: list[tuple[Call, dict[str, Any]]], objects: set[str]) -> None:
        self.record = record
        self.objects = objects
        self.calls = [call for call, _ in record]
        self.position = 0
        self.unknown = False
        self.weak = False
        self.raised: Exception | None = None
        self.discarding = False

    def ask(self, target: Any, attribute: str | None, args: tuple[Any, ...], words: dict[str, Any] | None) -> Any:
        given = self.send(list(args))
        call = [
            target,
            attribute,
            given,
            None if words is None else {key: self.send(word) for key, word in words.items()},
        ]
        sought = self.resolved(call)
        for index in range(self.position, len(self.record)):
            if self.resolved(self.record[index][0]) == sought:
                self.position = index + 1
                return self.answer(index, args)
        return self.note(call)

    def note(self, call: Call) -> Unknown:
        """Here the test leaves the record: what stands behind this place was not what it asks."""
        if any("died" in outcome for _, outcome in self.record):
            raise Died
        if not self.unknown:
            self.calls = self.calls[: self.position]
            self.unknown = True
            self.record = self.record[: self.position]
        self.calls.append(call)
        return Unknown(self, {"ref": len(self.calls) - 1}, origin(call))

    def answer(self, index: int, args: tuple[Any, ...]) -> Any:
        call, outcome = self.record[index]
        if "died" in outcome:
            raise Died
        if "error" in outcome:
            self.raised = like(call, *outcome["error"])
            raise self.raised
        value = outcome["value"]
        if value is None or self.discarding:
            for given, after in zip(args, outcome.get("args", ()), strict=False):
                overwrite(given, decode(after, self.known))
        if value == {"object": "NotImplementedType"}:
            return NotImplemented
        self.weak |= call[1] in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
        if isinstance(value, dict) and "object" in value:
            return self.object(index, call, value["object"])
        return decode(value, self.known)

    def object(self, index: int, call: Call, kind: str) -> Handle | Opaque:
        name = origin(call)
        return Handle(self, {"ref": index}, name, kind) if name in self.objects or name in OPERATORS else Opaque(kind)

    def known(self, tag: str, body: Any) -> Any:
        raise ValueError(f"{tag!r} is no value")

    def send(self, value: Any) -> Any:
        def unknown(item: Any) -> Any:
            if isinstance(item, StandIn):
                return item.target()
            raise Unsendable(f"value of type {type(item).__name__}")

        try:
            return Encoder(unknown).encode(value)
        except TooLarge as error:
            raise Unsendable(str(error)) from error

    def resolved(self, part: Any) -> Any:
        """References to plain results replaced by these, so that `f(f(1))` is the same call before and after."""
        if isinstance(part, list):
            return [self.resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "ref" in part and part["ref"] < len(self.record):
            outcome = self.record[part["ref"]][1]
            value = outcome.get("value")
            return part if "value" not in outcome or (isinstance(value, dict) and "object" in value) else value
        return {key: self.resolved(item) for key, item in part.items()}


def origin(call: Call) -> str:
    """The name of the function, class or attribute whose result a call gives."""
    return str(call[1] or call[0].get("name") or "")


def like(call: Call, name: str, message: str, ancestors: list[str]) -> Exception:
    """An exception of the nearest built-in kind. What would end more than the call becomes an ordinary error:
    `SystemExit`, and `StopIteration`, which ends the test's own loop over `map(program, ...)` before its assertions.
    """
    if "StopIteration" in ancestors and call[1] != "__next__":
        ancestors = []
    for ancestor in ancestors:
        kind = getattr(builtins, str(ancestor), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(message)
            except TypeError:
                continue
    return RuntimeError(f"{name}: {message}")


def overwrite(given: Any, after: Any) -> None:
    """Do to the test's own container what the program did to its copy.

    Only for calls made for this effect (the result is None, or the test drops it): elsewhere the test may work out the
    expected answer from the same container.
    """
    if type(given) is not type(after):
        return
    if isinstance(given, (list, bytearray)):
        given[:] = after
    elif isinstance(given, (dict, set)):
        given.clear()
        given.update(after)


class Sites(ast.NodeTransformer):
    """Every `assert` outside a `try` becomes a call that notes its outcome, so that the rest is still tested.

    A call as a statement is put between two others, which note that its result is dropped.
    """

    def __init__(self) -> None:
        self.count = 0

    def visit_Try(self, node: ast.Try) -> ast.Try:
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not isinstance(node.value, ast.Call):
            return node
        before, after = (ast.Call(ast.Name(DROP, ast.Load()), [ast.Constant(value)], []) for value in (True, False))
        return ast.copy_location(ast.Expr(ast.Tuple([before, node.value, after], ast.Load())), node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        site = ast.parse(SITE).body[0]
        for part in list(ast.walk(site)):
            if isinstance(part, ast.Call) and part.args and isinstance(part.func, ast.Name):
                part.args[0] = node.test if part.func.id == "bool" else ast.Constant(self.count)
        self.count += 1
        return ast.copy_location(site, node)


class Trial:
    """Runs units of test code and gives one status for each `assert` in them."""

    def __init__(self, session: Session, namespace: dict[str, Any]) -> None:
        self.session = session
        self.namespace = namespace | {HOOK: self.check, DROP: self.drop}
        self.statuses: dict[int, str] = {}

    def check(self, site: int, holds: bool, error: Exception | None) -> None:
        self.session.discarding = False
        status = "passed" if holds else "wrong_answer" if error is None else self.status_of(error)
        if self.statuses.get(site, "passed") == "passed":
            self.statuses[site] = status

    def drop(self, begins: bool) -> None:
        self.session.discarding = begins

    def status_of(self, error: Exception) -> str:
        return "runtime_error" if error is self.session.raised else "wrong_answer"

    def run(self, source: str, entry: str | None) -> list[str]:
        """One unit: an assertion with what belongs to it, or a source that defines `check`.

        Sites that were never reached pass if the unit came to its end; else the first of them takes the blame.
        """
        sites, self.statuses = Sites(), {}
        code = compile(ast.fix_missing_locations(sites.visit(ast.parse(source))), "test.py", "exec", dont_inherit=True)
        aborted = self.attempt(code, entry)
        total = max(sites.count, 1)
        statuses = [self.statuses.get(site, "not_run" if aborted else "passed") for site in range(total)]
        if aborted:
            statuses[next((site for site in range(total) if site not in self.statuses), total - 1)] = aborted
        return statuses

    def attempt(self, code: CodeType, entry: str | None) -> str:
        """Empty when the code came to its end."""
        try:
            exec(code, self.namespace)
            if entry is not None:
                self.namespace["check"](self.namespace[entry])
        except Exception as error:
            return self.status_of(error)
        except (Died, Undetermined):
            return "not_run"
        return ""


def main(sent: bytes) -> None:
    job = json.loads(sent)
    channel = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    session = Session([(call, outcome) for call, outcome in job["record"]], {*job["objects"]})
    try:
        statuses = perform(job, session)
        report = ["replayed", session.calls, session.unknown, session.weak, statuses, sorted(session.objects)]
    except Unsendable as error:
        report = ["unsendable", str(error)]
    line = memoryview(f"{job['token']}{json.dumps(report)}\n".encode())
    while line:
        line = line[os.write(channel, line) :]


def perform(job: dict[str, Any], session: Session) -> list[list[str]]:
    """The same random numbers in every pass, so that each pass makes the same calls."""
    random.seed(0)
    namespace: dict[str, Any] = {"__name__": "test"}
    names = {name: Name(session, {"name": name}, name) for name in job["names"]}
    namespace |= names
    exec(compile(job["setup"], "setup.py", "exec", dont_inherit=True), namespace)
    namespace |= names
    trial = Trial(session, namespace)
    return [trial.run(unit, job["entry"]) for unit in job["units"]]
