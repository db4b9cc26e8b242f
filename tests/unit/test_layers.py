"""The architecture, as a test: what each package may import, and what stays light."""

import ast
import json
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sandbox", "verifiers", "rlvr")
HEAVY = {"torch", "ray", "vllm", "transformers", "trl"}
CONFINED = {
    "docker": ("sandbox/docker/engine.py",),
    "ray": ("rlvr/actors.py", "rlvr/jobs.py", "rlvr/serve_app.py", "rlvr/stages/", "rlvr/data/on_ray.py"),
    "vllm": ("rlvr/engines/vllm.py", "rlvr/sync.py", "rlvr/data/teachers/vllm.py"),
    "trl": ("rlvr/stages/",),
}
"""Library -> the only places that may import it."""
COMES_WITH = {
    "markupsafe": "jinja2",
    "mpmath": "sympy",
    "pydantic_core": "pydantic",
    "referencing": "jsonschema",
    "starlette": "fastapi",
    "tokenizers": "transformers",
    "yaml": "pyyaml",
}
"""Imported under a name of its own, installed as part of a declared dependency."""


def imports(source: str) -> Iterator[str]:
    """Every module that the source imports, at any depth, `import_module("literal")` included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def libraries(package: str) -> Iterator[tuple[str, str]]:
    """(file, top-level name that it imports) of every file below the package."""
    for file in sorted((ROOT / package).rglob("*.py")):
        for module in imports(file.read_text()):
            yield str(file.relative_to(ROOT)), module.split(".")[0]


def declared(*extras: str) -> set[str]:
    """Import names of the core dependencies, and of the named extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    names = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in lines}
    return names | {name for name, parent in COMES_WITH.items() if parent in names}


@pytest.mark.parametrize(
    ("package", "ours", "others"),
    [
        ("sandbox", {"sandbox"}, {"docker"}),
        ("verifiers", {"sandbox", "verifiers"}, declared("reasoning-gym") - {"docker"}),
        (
            "rlvr",
            set(PACKAGES),
            declared("train", "vllm", "view", "tensorboard", "wandb", "mlflow", "trackio", "inspect") - {"docker"},
        ),
    ],
)
def test_a_package_imports_only_what_its_layer_may(package: str, ours: set[str], others: set[str]) -> None:
    allowed = ours | others | sys.stdlib_module_names
    assert [(file, name) for file, name in libraries(package) if name not in allowed] == []


@pytest.mark.parametrize("library", CONFINED)
def test_a_heavy_library_stays_in_its_place(library: str) -> None:
    users = {file for package in PACKAGES for file, name in libraries(package) if name == library}
    assert [file for file in sorted(users) if not file.startswith(CONFINED[library])] == []


def test_the_core_has_no_heavy_dependency() -> None:
    assert not declared() & HEAVY


def test_the_rules_see_every_way_to_import() -> None:
    source = "import ray.train as r\ndef f():\n    from torch.nn import functional\n    import_module('vllm.x')"
    assert set(imports(source)) == {"ray.train", "torch.nn", "vllm.x"}


@pytest.mark.parametrize("module", ["sandbox", "verifiers", "rlvr.loop", "rlvr.cli"])
def test_importing_is_light(module: str) -> None:
    code = f"import {module}, sys, json; print(json.dumps(sorted({HEAVY!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_help_takes_less_than_a_second() -> None:
    """Of CPU: the wall clock would measure what else the machine does."""
    command = [sys.executable, "-X", "importtime", "-m", "rlvr.cli", "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    loaded = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert not loaded & HEAVY
    assert "Usage" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
