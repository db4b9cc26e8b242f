import subprocess
import sys
import textwrap

import pytest

from verifiers import Grader, Item, registry, verify
from verifiers.base import Verifier, VerifierError


@pytest.mark.parametrize(
    "name",
    [
        "exact",
        "choice",
        "regex",
        "numeric",
        "json_schema",
        "format",
        "all",
        "weighted",
        "gate",
        "math",
        "code",
        "instructions",
        "remote",
        "judge",
    ],
)
def test_built_ins_load_and_keep_the_contract(name):
    verifier = registry.load(name)
    assert isinstance(verifier, Verifier)
    assert verifier.name == name
    assert registry.load(name) is verifier


def test_every_built_in_is_listed_once_and_points_into_verifiers():
    listed = [point.name for point in registry.BUILT_IN]
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(registry.names())
    assert all(point.target.startswith("verifiers.") for point in registry.BUILT_IN)


def test_an_unknown_name_is_an_error_with_a_suggestion():
    with pytest.raises(LookupError, match=r"no verifier named 'exat'; did you mean 'exact'\? Installed: "):
        registry.load("exat")
    with pytest.raises(LookupError, match=r"no verifier named .zzzz.\. Installed: "):
        registry.load("zzzz")


OWN = """
    from pydantic import BaseModel
    from verifiers import register

    class Any(BaseModel):
        pass

    class Even:
        \"\"\"As many letters as make pairs.\"\"\"
        name, version, Reference, isolation = "even", "1", Any, "process"

        def verify(self, response, reference, params=None):
            return len(response) % 2 == 0
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a file of verifiers; what was registered is forgotten again."""
    monkeypatch.setenv(registry.ENVIRONMENT, "")

    def write(text, name="even.py"):
        (tmp_path / name).write_text(textwrap.dedent(text))
        return str(tmp_path / name)

    yield write
    monkeypatch.undo()
    registry.refresh()


def test_a_verifier_in_a_file_is_known_here_and_in_workers(own):
    assert registry.add(own(OWN)) == "even"
    assert registry.source("even") == "even.py"
    assert verify("even", "ab", {}).status == "correct"
    with Grader(workers=1) as grader:
        assert grader.grade_sync(Item("", "even", "abc", {})).status == "incorrect"
        assert grader.stats().workers.started == 1


def test_workers_started_before_learn_of_it(own):
    with Grader(workers=1) as grader:
        assert grader.grade_sync(Item("", "regex", "a", "a")).status == "correct"
        registry.add(own(OWN))
        assert grader.grade_sync(Item("", "even", "abcd", {})).status == "correct"


def test_the_environment_names_verifiers(own, monkeypatch):
    monkeypatch.setenv(registry.ENVIRONMENT, f"{own(OWN)}:Even")
    registry.refresh()
    assert "even" in registry.names()


def test_a_decorated_class_of_a_script_is_known_to_its_workers(own):
    script = own(
        textwrap.dedent(OWN).replace("class Even", "@register\nclass Even")
        + textwrap.dedent("""
            if __name__ == "__main__":
                from verifiers import verify
                print(verify("even", "ab", {}).status, verify("even", "abc", {}).status)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "correct incorrect\n", done.stderr


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (OWN, "{file}:Odd", "has no 'Odd'"),
        ("x = 1", "{file}", "has 0 verifiers; name one"),
        (OWN + OWN.replace("Even", "Odd"), "{file}", "has 2 verifiers"),
        ("1 / 0", "{file}", "cannot be run: ZeroDivisionError"),
        ("class Even: verify = None", "{file}:Even", "is no verifier: it needs name"),
        ("", "{file}x.py", "no file"),
        ("", "even", "expected file.py"),
    ],
)
def test_what_is_no_verifier_is_said_in_one_line(own, text, target, message):
    with pytest.raises(VerifierError, match=message) as caught:
        registry.add(target.format(file=own(text)))
    assert "\n" not in str(caught.value)


def test_a_name_that_is_taken_is_refused(own):
    file = own(OWN.replace('"even"', '"math"'))
    registry.add(file)
    with pytest.raises(VerifierError, match="'math' is claimed twice"):
        registry.names()


def test_a_name_never_is_a_path(own):
    with pytest.raises(LookupError, match="no verifier named"):
        registry.load(own(OWN))
