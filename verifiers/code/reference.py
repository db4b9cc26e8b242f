"""The tests of a task, in the shapes that the data sets have, and how they are scored."""

import ast
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag, field_validator, model_validator

from sandbox.languages import LANGUAGES
from verifiers.code.extract import NAMES

Comparator = Literal["exact", "lines", "tokens", "decimal", "float", "unordered_lines", "json", "checker"]

COLUMNS = (
    "task_id text code test contract base_input plus_input source_file prompt canonical_solution difficulty url "
    "starter_code name question_id"
)
"""Columns that stand beside the tests in the data sets' own rows; passed over, so that a row can be given whole."""


class Tests(BaseModel):
    """What every shape may say besides its tests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    takes_any_language: ClassVar[bool] = False

    language: str = "python"
    comparator: Comparator | None = None
    """How an output is compared. Default: Python's `==` for calls, `decimal` for standard output."""
    rel_tol: float = Field(default=1e-6, ge=0.0, lt=1.0)
    abs_tol: float = Field(default=1e-6, ge=0.0)
    """Tolerances of the `float` comparator."""
    checker: str | None = None
    """Python source of the `checker` comparator: run as `checker INPUT EXPECTED ACTUAL`, exit code 0 accepts."""
    time_limit_s: float = Field(default=10.0, gt=0.0, le=600.0)
    """CPU seconds of one test; sleeping is bounded at three times as long."""
    memory_mb: int = Field(default=512, ge=32, le=65536)
    weights: list[float] | None = None
    """One a test, for `scoring="weighted"`."""

    @model_validator(mode="before")
    @classmethod
    def _drop_columns(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: item for key, item in value.items() if key in cls.model_fields or key not in COLUMNS.split()}
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.comparator == "checker") != (self.checker is not None):
            raise ValueError("comparator 'checker' and the program in 'checker' go together; give both or neither")
        if self.weights is not None and (
            len(self.weights) != self.count() or min(self.weights) < 0 or not sum(self.weights)
        ):
            raise ValueError(f"weights must be {self.count()} numbers >= 0, not all 0, one a test; got {self.weights}")
        return self

    @field_validator("language")
    @classmethod
    def _is_known(cls, name: str) -> str:
        language = next((language for language, aliases in NAMES.items() if name.lower() in aliases), name.lower())
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {', '.join(sorted(LANGUAGES))}; got {name!r}")
        if language != "python" and not cls.takes_any_language:
            raise ValueError(f"only programs on standard input may be in {language}; calls need python")
        return language

    def count(self) -> int:
        """Tests that are scored one by one."""
        return 1


class AssertTests(Tests):
    """MBPP: a list of `assert` statements."""

    test_list: list[str] = Field(min_length=1)
    test_imports: list[str] = []
    test_setup_code: str = ""
    challenge_test_list: list[str] = []

    @model_validator(mode="after")
    def _parse(self) -> Self:
        for name, text in (("test_setup_code", self.setup()), *(("test_list", test) for test in self.all_tests())):
            check_syntax(name, text)
        return self

    def setup(self) -> str:
        return "\n".join([*self.test_imports, self.test_setup_code])

    def all_tests(self) -> list[str]:
        return [*self.test_list, *self.challenge_test_list]

    def count(self) -> int:
        return len(self.all_tests())


class CheckTests(Tests):
    """HumanEval: a function `check(candidate)` full of assertions, and the prompt that the program may continue."""

    prompt: str = ""
    test: str
    entry_point: str = Field(pattern=r"^[^\W\d]\w*$")

    @model_validator(mode="after")
    def _parse(self) -> Self:
        check_syntax("test", self.test)
        if not re.search(r"^def check\(", self.test, re.MULTILINE):
            raise ValueError("test must define a function check(candidate)")
        return self

    def count(self) -> int:
        return asserts_in(self.test)


class InputOutputTests(Tests):
    """APPS, TACO, LiveCodeBench: inputs and outputs of a function when there is a `fn_name`, else of a program."""

    takes_any_language = True

    inputs: list[Any] = Field(min_length=1)
    outputs: list[Any]
    fn_name: str | None = Field(default=None, pattern=r"^[^\W\d]\w*$")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.inputs) != len(self.outputs):
            raise ValueError(
                f"as many outputs as inputs are needed; got {len(self.inputs)} inputs, {len(self.outputs)} outputs"
            )
        if self.fn_name is not None and self.language != "python":
            raise ValueError(f"only programs on standard input may be in {self.language}; a fn_name needs python")
        if self.fn_name is None:
            for name, values in (("inputs", self.inputs), ("outputs", self.outputs)):
                for index, value in enumerate(values):
                    stream(f"{name}[{index}]", value)
        else:
            for index in range(len(self.inputs)):
                self.arguments(index)
        return self

    def count(self) -> int:
        return len(self.inputs)

    def arguments(self, index: int) -> list[Any]:
        """The arguments of call `index`, given as a list or as one JSON value a line."""
        given = self.inputs[index]
        if isinstance(given, list):
            return given
        if isinstance(given, str):
            try:
                return [json.loads(line) for line in given.splitlines() if line.strip()]
            except ValueError as error:
                raise ValueError(
                    f"inputs[{index}]: expected one JSON value a line, got {given[:80]!r}: {error}"
                ) from error
        raise ValueError(f"inputs[{index}]: expected a list of arguments or JSON lines, got {type(given).__name__}")

    def expected(self, index: int) -> list[Any]:
        """The values that call `index` may return. An output beside JSON lines is JSON text itself.

        APPS and TACO wrap some outputs in a list of one; like their own judge, take the value bare as well.
        """
        wanted = self.outputs[index]
        if isinstance(self.inputs[index], str) and isinstance(wanted, str):
            try:
                return [json.loads(wanted)]
            except ValueError:
                return [wanted]
        wrapped = all(isinstance(output, list) and len(output) == 1 for output in self.outputs)
        return [wanted, wanted[0]] if wrapped else [wanted]

    def stdin(self, index: int) -> str:
        return stream("inputs", self.inputs[index])

    def stdout(self, index: int) -> str:
        return stream("outputs", self.outputs[index])


class OracleTests(Tests):
    """EvalPlus: inputs, and a correct program that says what they give."""

    prompt: str = ""
    canonical_solution: str = Field(min_length=1)
    entry_point: str = Field(pattern=r"^[^\W\d]\w*$")
    base_input: list[list[Any]] = Field(min_length=1)
    plus_input: list[list[Any]] = []
    atol: float = Field(default=0.0, ge=0.0)
    """Tolerance of floating-point results; 0 is 1e-6, as EvalPlus has it."""

    def inputs(self) -> list[list[Any]]:
        return [*self.base_input, *self.plus_input]

    def count(self) -> int:
        return len(self.inputs())


def stream(name: str, value: Any) -> str:
    """Text of a standard stream; some data sets give it as a list of lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    raise ValueError(f"{name}: expected text or a list of lines (or a fn_name for calls), got {value!r:.80}")


@lru_cache(4096)
def asserts_in(test: str) -> int:
    """Assertions that are scored one by one; a test without any is one by itself."""
    return max(1, count_asserts(ast.parse(test)))


def count_asserts(node: ast.AST) -> int:
    """Those inside a `try` belong to the flow of the test and are not counted."""
    if isinstance(node, (ast.Try, ast.Assert)):
        return int(isinstance(node, ast.Assert))
    return sum(map(count_asserts, ast.iter_child_nodes(node)))


@lru_cache(4096)
def syntax_fault(text: str) -> str:
    """Empty for valid Python."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def check_syntax(name: str, text: str) -> None:
    if fault := syntax_fault(text):
        raise ValueError(f"{name} is no valid Python: {fault}: {text[:80]!r}")


SHAPES = {
    "asserts": ({"test_list"}, "test_list (MBPP)"),
    "check": ({"test", "entry_point"}, "prompt, test and entry_point (HumanEval)"),
    "oracle": (
        {"canonical_solution", "entry_point", "base_input"},
        "prompt, canonical_solution, entry_point, base_input and plus_input (EvalPlus)",
    ),
    "pairs": ({"inputs", "outputs"}, "inputs and outputs (APPS, TACO, LiveCodeBench)"),
}


def shape(value: Any) -> str | None:
    """The shape whose keys are all there. EvalPlus rows hold a `test` too, so that shape is looked for first."""
    if isinstance(value, Tests):
        return {AssertTests: "asserts", CheckTests: "check", OracleTests: "oracle"}.get(type(value), "pairs")
    if not isinstance(value, Mapping):
        return None
    return next((name for name in ("oracle", *SHAPES) if SHAPES[name][0] <= set(value)), None)


AnyTests = Annotated[
    Annotated[AssertTests, Tag("asserts")]
    | Annotated[CheckTests, Tag("check")]
    | Annotated[OracleTests, Tag("oracle")]
    | Annotated[InputOutputTests, Tag("pairs")],
    Discriminator(
        shape,
        custom_error_type="code_reference",
        custom_error_message="a code reference needs the keys of one shape: "
        + "; ".join(text for _, text in SHAPES.values()),
    ),
]


class CodeReference(RootModel[AnyTests]):
    """`{test_list}`, `{prompt, test, entry_point}`, `{inputs, outputs, fn_name?}` or a row of EvalPlus; JSON text too.

    With optional `language`, `comparator`, `time_limit_s`, `memory_mb`. A bare list is a list of `assert` statements.
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise ValueError(f"a code reference given as text must be JSON: {error}") from error
        return {"test_list": value} if isinstance(value, list) else value


class CodeParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    scoring: Literal["all", "pass_rate", "weighted"] = "all"
    """`all`: 1.0 when every test passes, else 0.0. `pass_rate`: the share that passes. `weighted`: by `weights`."""
    stop_at_first_failure: bool = False
    """Leave out the tests after the first that fails; they count as failed."""
