import time

import pytest

from verifiers.code.extract import complete, extract_program

FENCED = "Some text.\n```python\nprint(1)\n```\nMore text.\n"


@pytest.mark.parametrize(
    ("response", "program"),
    [
        (FENCED, "print(1)\n"),
        (FENCED + "```py\nprint(2)\n```", "print(2)\n"),
        ("```\nprint(1)\n```", "print(1)\n"),
        ("```python\nprint(1)\n```\n```\nfree text\n```", "print(1)\n"),
        ("```python\nprint(1)\n```\n```text\n3\n```", "print(1)\n"),
        ("~~~python\nprint('```')\n~~~", "print('```')\n"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
        ("```python\nprint(1)", "print(1)"),
        ("```python\nprint(1)```", "print(1)"),
        ("```Python title=x\nprint(1)\n```", "print(1)\n"),
        ("<think>\n```python\nprint(0)\n```\n</think>\n```python\nprint(1)\n```", "print(1)\n"),
        ("print(1)", "print(1)\n"),
        ("Here is the code:\ndef f(x):\n    return x", "def f(x):\n    return x\n"),
        ("    return a + b\n", "    return a + b\n"),
    ],
)
def test_where_the_program_is(response, program):
    assert extract_program(response) == program


@pytest.mark.parametrize(
    "response",
    ["", "I do not know.", "```cpp\nint main() {}\n```", "```python\n\n```", "<think>\n```python\nx=1\n```</think>"],
)
def test_no_program(response):
    assert extract_program(response) is None


def test_an_example_of_use_does_not_hide_the_solution():
    response = "```python\ndef f(x):\n    return x\n```\nUse it:\n```python\nprint(f(3))\n```"
    assert extract_program(response, defines="f") == "def f(x):\n    return x\n"
    assert extract_program(response) == "print(f(3))\n"


def test_other_languages():
    response = "```python\nx\n```\n```c++\nint main() {}\n```"
    assert extract_program(response, "cpp") == "int main() {}\n"


PROMPT = 'import math\n\ndef f(x):\n    """Twice x."""\n'


@pytest.mark.parametrize(
    "program",
    [
        "    return 2 * x\n",
        "return 2 * x\n",
        "def f(x):\n    return 2 * x\n",
        "def g(x):\n    return x\n\ndef f(x):\n    return 2*x",
        "f = lambda x: 2 * x",
        "from operator import add as plus\nf: object = lambda x: plus(x, x)",
        "from functools import partial\nfrom operator import mul\nf = partial(mul, 2)",
    ],
)
def test_a_prompt_is_continued_by_a_body_or_a_whole_function(program):
    names: dict[str, object] = {}
    exec(complete(PROMPT, program, "f"), names)
    assert names["f"](3) == 6
    assert "math" in names


def test_imports_from_the_future_come_first():
    program = complete(
        PROMPT, "from __future__ import annotations\n\ndef f(x: Unknown) -> int:\n    return 2 * x\n", "f"
    )
    names: dict[str, object] = {}
    exec(program, names)
    assert names["f"](3) == 6


def test_a_prompt_without_a_docstring_is_continued_too():
    names: dict[str, object] = {}
    exec(complete("def f(x):\n    # twice x\n", "def f(x):\n    return 2 * x\n", "f"), names)
    assert names["f"](3) == 6


@pytest.mark.parametrize("line", ["```{}`", "``` {}`", "~~~{}`", "{}", "    {}", "def {}", "{} x", "```\n```{}"])
@pytest.mark.parametrize("piece", ["a", " ", "`", "a ", "\t", "(", "=", "["])
def test_no_response_keeps_the_judge_from_reading_it(line, piece):
    began = time.process_time()
    extract_program(line.format(piece * 100_000))
    assert time.process_time() - began < 2
