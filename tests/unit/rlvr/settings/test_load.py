"""The configuration loader: what a user may write, what comes back, and what is said when it is wrong."""

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rlvr.settings.load import ConfigError, dump, load, read, validate


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Adam(Section):
    type: Literal["adam"] = "adam"
    lr: float = Field(1e-6, gt=0)
    betas: tuple[float, float] = (0.9, 0.95)
    decay: float | None = 0.1


class Sgd(Section):
    type: Literal["sgd"] = "sgd"
    lr: float = 1e-3
    momentum: float = 0.0


Optim = Annotated[Adam | Sgd, Field(discriminator="type")]


class Source(Section):
    name: str
    weight: float = 1.0
    split: str | list[str] = "train"


class Config(Section):
    run_name: str = "run"
    seed: int = 0
    resume: bool = False
    algorithm: Literal["grpo", "ppo"] = "grpo"
    out: Path = Path("runs")
    limit: int | None = 5
    optim: Optim = Adam(lr=3e-6)
    critic: Optim | None = None
    tasks: list[Source] = [Source(name="gsm8k"), Source(name="math", weight=2.0)]
    labels: dict[str, int | str] = {}
    groups: dict[str, Optim] = {}

    @model_validator(mode="after")
    def _lucky(self) -> "Config":
        if self.seed == 13:
            raise ValueError("seed 13 is taken; choose another")
        return self


def config(*overrides: str, **data: Any) -> Config:
    return validate(Config, data, overrides, source="rl.toml")


def problems(*overrides: str, **data: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        config(*overrides, **data)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_a_file_is_read_and_overridden(tmp_path: Path) -> None:
    file = tmp_path / "rl.toml"
    file.write_text('seed = 3\n[optim]\nlr = 1e-5\n[[tasks]]\nname = "mbpp"\n')
    loaded = load(Config, file, ["seed=4", "tasks.0.weight=0.5"])
    assert loaded == Config(seed=4, optim=Adam(lr=1e-5), tasks=[Source(name="mbpp", weight=0.5)])


def test_json_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "rl.json"
    file.write_text('{"limit": null}')
    assert load(Config, file) == Config(limit=None)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["--seed", "4"], Config(seed=4)),
        (["--seed=-4"], Config(seed=-4)),
        (["--run-name", "2024"], Config(run_name="2024")),
        (["run_name=a=b c"], Config(run_name="a=b c")),
        (["--resume", "seed=1"], Config(resume=True, seed=1)),
        (["--resume", "false"], Config()),
        (["resume=true", "--no-resume"], Config()),
        (["limit=none"], Config(limit=None)),
        (["optim.decay=none"], Config(optim=Adam(lr=3e-6, decay=None))),
        (["optim.betas=[0.8, 0.9]"], Config(optim=Adam(lr=3e-6, betas=(0.8, 0.9)))),
        (["optim.momentum=0.9", "optim.type=sgd"], Config(optim=Sgd(momentum=0.9))),
        (["critic.type=sgd"], Config(critic=Sgd())),
        (['critic={type="sgd"}', "critic.lr=2"], Config(critic=Sgd(lr=2))),
        (["tasks.1.weight=7"], Config(tasks=[Source(name="gsm8k"), Source(name="math", weight=7)])),
        (['tasks.0.split=["a", "b"]'], Config(tasks=[Source(name="gsm8k", split=["a", "b"]), Config().tasks[1]])),
        (['labels."a.b"=1', "labels.c-d=x"], Config(labels={"a.b": 1, "c-d": "x"})),
        (["--groups.head.type", "sgd"], Config(groups={"head": Sgd()})),
    ],
)
def test_overrides(overrides: list[str], expected: Config) -> None:
    assert config(*overrides) == expected


def test_a_section_named_in_part_keeps_the_rest_of_its_default() -> None:
    assert config(optim={"decay": 0.5}) == Config(optim=Adam(lr=3e-6, decay=0.5))
    assert config(optim={"type": "sgd"}) == Config(optim=Sgd())


def test_defaults_that_nobody_named_stay_unset() -> None:
    assert config(optim={"decay": 0.5}).optim.model_fields_set == {"type", "lr", "decay"}


def test_another_tag_replaces_the_section_of_the_file() -> None:
    assert config("optim.type=sgd", optim={"type": "adam", "lr": 3, "decay": 1}) == Config(optim=Sgd())
    assert config("optim.type=adam", optim={"type": "adam", "lr": 3}) == Config(optim=Adam(lr=3))


def test_the_data_passed_in_are_left_alone() -> None:
    data: dict[str, Any] = {"tasks": [{"name": "mbpp"}]}
    validate(Config, data, ["tasks.0.weight=2"])
    assert data == {"tasks": [{"name": "mbpp"}]}


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"sed": 1}, "rl.toml: sed: unknown key; did you mean 'seed'?"),
        ({"lr": 1}, "rl.toml: lr: unknown key; did you mean 'optim.lr'?"),
        ({"optim": {"momentum": 1}}, "rl.toml: optim.momentum: unknown key here; it goes with type = 'sgd'"),
        ({"seed": "a"}, "rl.toml: seed: expected a valid integer; got 'a'"),
        ({"algorithm": "grop"}, "rl.toml: algorithm: expected 'grpo' or 'ppo'; got 'grop'; did you mean 'grpo'?"),
        ({"optim": {"lr": -1}}, "rl.toml: optim.lr: expected a value greater than 0; got -1"),
        (
            {"optim": {"type": "adm"}},
            "rl.toml: optim.type: expected one of 'adam', 'sgd'; got 'adm'; did you mean 'adam'?",
        ),
        ({"groups": {"a": {}}}, "rl.toml: groups.a.type: required key is missing; expected one of 'adam', 'sgd'"),
        ({"groups": {"a": {"type": "sgd", "lr": "x"}}}, "rl.toml: groups.a.lr: expected a valid number; got 'x'"),
        ({"tasks": [{}]}, "rl.toml: tasks.0.name: required key is missing; expected a string"),
        ({"tasks": [3]}, "rl.toml: tasks.0: expected a section of keys; got 3"),
        (
            {"tasks": [{"name": "a", "split": 3}]},
            "rl.toml: tasks.0.split: expected a valid string or a valid list; got 3",
        ),
        ({"labels": {"a": []}}, "rl.toml: labels.a: expected a valid integer or a valid string; got []"),
        ({"seed": 13}, "rl.toml: seed 13 is taken; choose another"),
    ],
)
def test_each_fault_is_one_line(data: dict[str, Any], line: str) -> None:
    assert problems(**data) == (line,)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed=a", "override 'seed=a': seed: expected a valid integer; got 'a'"),
        ("sed=1", "override 'sed=1': sed: unknown key; did you mean 'seed'?"),
        ("seed", "override 'seed': expected KEY=VALUE, as in optim.lr=1e-6"),
        ("--seed", "override '--seed': expected a value after it"),
        ("a..b=1", "override 'a..b=1': expected a dotted key such as optim.lr, got 'a..b'"),
        ("#seed=1", "override '#seed=1': expected a dotted key such as optim.lr, got '#seed'"),
        ("tasks.7.weight=1", "override 'tasks.7.weight=1': tasks has 2 items, counted from 0; got '7'"),
        ("tasks.x=1", "override 'tasks.x=1': tasks has 2 items, counted from 0; got 'x'"),
    ],
)
def test_a_fault_in_an_override_names_the_override(override: str, line: str) -> None:
    assert problems(override) == (line,)


def test_a_fault_of_the_whole_is_not_blamed_on_an_override() -> None:
    assert problems("limit=3", seed=13) == ("rl.toml: seed 13 is taken; choose another",)


def test_an_override_cannot_enter_a_value() -> None:
    assert problems("seed.x=1", seed=3) == ("override 'seed.x=1': seed is no section; it is 3",)


def test_every_fault_is_told_at_once() -> None:
    assert len(problems("limit=x", sed=1, algorithm=3)) == 3


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("missing.toml", None, "missing.toml: cannot be read: No such file or directory"),
        ("bad.toml", "a = \n", "bad.toml: not valid TOML: Invalid value (at line 1, column 5)"),
        ("bad.json", "{", "bad.json: not valid JSON: Expecting property name"),
        ("list.json", "[]", "list.json: expected a table of keys, got a list"),
        ("latin.toml", b"a = '\xe9'", "latin.toml: expected UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, text: str | bytes | None, part: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


texts = st.text(max_size=8).filter(lambda text: text != "none")
numbers = st.floats(allow_nan=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=True)
optims = st.one_of(
    st.builds(Adam, lr=positive, betas=st.tuples(numbers, numbers), decay=st.none() | numbers),
    st.builds(Sgd, lr=numbers, momentum=numbers),
)
configs = st.builds(
    Config,
    run_name=texts,
    seed=st.integers().filter(lambda seed: seed != 13),
    resume=st.booleans(),
    out=texts.filter(lambda text: "\x00" not in text).map(Path),
    limit=st.none() | st.integers(),
    optim=optims,
    critic=st.none() | optims,
    tasks=st.lists(
        st.builds(Source, name=texts, weight=numbers, split=texts | st.lists(texts, max_size=3)), max_size=3
    ),
    labels=st.dictionaries(texts, st.integers() | texts, max_size=3),
    groups=st.dictionaries(texts, optims, max_size=2),
)


@given(configs)
def test_what_is_dumped_loads_back(original: Config) -> None:
    assert validate(Config, tomllib.loads(dump(original))) == original


def test_dump_is_readable() -> None:
    text = dump(Config(tasks=[Source(name="a")], critic=Sgd(), limit=None, labels={"a b": 1}))
    assert 'limit = "none"' in text
    assert '[labels]\n"a b" = 1\n' in text
    assert '[critic]\ntype = "sgd"\nlr = 0.001\nmomentum = 0.0\n' in text
    assert '[[tasks]]\nname = "a"\n' in text


def test_dump_leaves_out_null_where_it_is_the_default() -> None:
    assert "critic" not in dump(Config())


class Free(Section):
    note: str | None = None
    params: dict[str, Any] = {}


@pytest.mark.parametrize("value", [Free(note="none"), Free(params={"a": None})])
def test_dump_refuses_what_would_not_come_back(value: Free) -> None:
    with pytest.raises(ValueError, match=r"none|None"):
        dump(value)


def test_free_tables_nest() -> None:
    free = Free(
        params={"a": [{"b": [1, {"c": [[], {}]}]}, {}], "d": {"e": {}}, "f": math.inf, "g": [[{"h": 1}]], "i": True}
    )
    assert validate(Free, tomllib.loads(dump(free))) == free
