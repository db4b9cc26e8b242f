"""Call one verifier once, in this process, and make a Verdict of whatever comes of it.

Shared by the grader and its workers, so that a verdict is the same wherever it was made. Time limits, retries and the
cache are the grader's.
"""

import inspect
import json
import math
import numbers
import time
from asyncio import CancelledError
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import to_jsonable_python

from sandbox import SandboxError
from verifiers.base import NoParams, Verdict, Verifier

HOST_CONTROL = (KeyboardInterrupt, CancelledError, GeneratorExit)
"""What a verifier may raise that is not its own business."""


class BadInput(ValueError):
    """The reference, the parameters or the response do not have the shape that the verifier reads. One line."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Item(NamedTuple):
    """One response to judge."""

    id: str
    verifier: str
    response: str
    reference: Any
    params: dict[str, Any] | None = None


class Row(BaseModel):
    """An item as JSON, from a file or over HTTP."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = ""
    verifier: str
    response: Annotated[str, BeforeValidator(lambda value: well_formed(value) if isinstance(value, str) else value)]
    reference: Any = None
    params: dict[str, Any] | None = None

    def item(self) -> Item:
        return Item(self.id, self.verifier, self.response, self.reference, self.params)


@dataclass(frozen=True, slots=True)
class Call:
    """A verifier and its validated arguments."""

    verifier: Verifier
    response: str
    reference: BaseModel
    params: BaseModel | None


def prepare(verifier: Verifier, response: str, reference: Any, params: Any) -> Call:
    """Validate the arguments. Raises BadInput with one clear line."""
    if not isinstance(response, str):
        raise BadInput("bad_response", f"{verifier.name}: response must be a string, got {type(response).__name__}")
    response = well_formed(response)
    checked = _validate(verifier, "reference", verifier.Reference, reference)
    accepts: type[BaseModel] | None = getattr(verifier, "Params", None)
    values = _validate(verifier, "params", accepts or NoParams, {} if params is None else params)
    return Call(verifier, response, checked, values if accepts else None)


def well_formed(text: str) -> str:
    """Text with U+FFFD for every lone surrogate, which no encoder takes; JSON can smuggle them in as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _validate(verifier: Verifier, what: str, model: type[BaseModel], value: Any) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        shape = (model.__doc__ or "").partition("\n")[0]
        hint = f"; it reads {shape}" if what == "reference" and shape else ""
        raise BadInput(f"bad_{what}", f"{verifier.name}: {what}: {problems(error)}{hint}") from None


def problems(error: ValidationError, most: int = 3) -> str:
    """What pydantic found, on one line: the path, what was expected, what came."""
    lines = []
    for found in error.errors(include_url=False, include_context=False)[:most]:
        path = ".".join(str(part) for part in found["loc"])
        came = repr(found["input"])
        came = "" if found["type"] == "missing" else f", got {came if len(came) <= 60 else came[:57] + '...'}"
        lines.append(f"{path + ': ' if path else ''}{found['msg']}{came}")
    more = error.error_count() - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def is_async(verifier: Verifier) -> bool:
    return inspect.iscoroutinefunction(verifier.verify)


class Attempt:
    """One try at a verdict: in `with`, it turns what the verifier raises into an `error`, and takes the time."""

    def __init__(self, call: Call, passing: tuple[type[BaseException], ...] = HOST_CONTROL) -> None:
        self.raw: Any = None
        self._call, self._passing = call, passing
        self._start = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Plug-ins are foreign code: not even their SystemExit may end the trainer. Only `passing` gets out."""
        if error is None or isinstance(error, self._passing):
            return False
        self.raw = Verdict.error(one_line(error))
        if isinstance(error, SandboxError):
            self.raw = Verdict.error("sandbox_error", details={"message": one_line(error)})
        return True

    def verdict(self) -> Verdict:
        return settle(self._call, self.raw, self._start)


def judge(call: Call, passing: tuple[type[BaseException], ...] = HOST_CONTROL) -> Verdict:
    """The verdict of a verifier whose `verify` is a plain function. Only exceptions in `passing` get out."""
    with Attempt(call, passing) as attempt:
        attempt.raw = call.verifier.verify(call.response, call.reference, call.params)
    return attempt.verdict()


async def ajudge(call: Call, passing: tuple[type[BaseException], ...] = HOST_CONTROL) -> Verdict:
    """The verdict of a verifier whose `verify` is a coroutine function."""
    with Attempt(call, passing) as attempt:
        attempt.raw = await call.verifier.verify(call.response, call.reference, call.params)
    return attempt.verdict()


def judge_fast(call: Call) -> Verdict | None:
    """The verdict of the verifier's cheap, bounded path; None leaves the case to a worker."""
    fast = getattr(call.verifier, "fast", None)
    if fast is None:
        return None
    try:
        with Attempt(call, (*HOST_CONTROL, RecursionError, MemoryError)) as attempt:
            attempt.raw = fast(call.response, call.reference, call.params)
    except (RecursionError, MemoryError):
        return None  # the state of the caller's process must not change a verdict: a worker starts fresh
    return None if attempt.raw is None else attempt.verdict()


def one_line(error: BaseException) -> str:
    """`ValueError: first line of the message`, at most 300 characters."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def settle(call: Call, raw: Any, start: float) -> Verdict:
    """A Verdict, bool or float as a Verdict that carries the verifier's name, version and the time taken."""
    verdict = raw if isinstance(raw, Verdict) else _of_value(raw)
    more: dict[str, Any] = {
        "verifier": call.verifier.name,
        "version": call.verifier.version,
        "elapsed_ms": round((time.perf_counter() - start) * 1e3, 3),
    }
    # Plain JSON everywhere, so that the verdict is the same behind every door.
    if verdict.details:
        text = json.dumps(to_jsonable_python(verdict.details, fallback=repr), ensure_ascii=False)
        more["details"] = json.loads(well_formed(text))
    if verdict.extracted:
        more["extracted"] = well_formed(verdict.extracted)
    return verdict.model_copy(update=more)


def _of_value(raw: Any) -> Verdict:
    if hasattr(raw, "item"):  # a numpy or torch scalar
        raw = raw.item()
    if isinstance(raw, bool):
        return Verdict.correct("passed") if raw else Verdict.incorrect("failed")
    if isinstance(raw, numbers.Real):
        score = float(raw)
        if math.isfinite(score) and 0.0 <= score <= 1.0:
            return Verdict.of_score(score, "scored")
        return Verdict.error(f"score {score} is outside [0, 1]")
    if inspect.iscoroutine(raw):
        raw.close()
        return Verdict.error("verify() returned a coroutine; declare it with `async def`")
    return Verdict.error(f"verify() returned {type(raw).__name__}; expected a Verdict, a bool or a float")
