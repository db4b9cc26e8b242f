import asyncio
import os
import threading
import time
import types

import pytest
from pydantic import ValidationError

from sandbox import RunResult, Sandbox
from verifiers.code import CodeVerifier
from verifiers.code.calls import Answers, CallFailed
from verifiers.code.guest import scripts

ADD = "def add(a, b):\n    return a + b"
LISTED = {"test_list": ["assert add(1, 2) == 3", "assert add(2, 2) == 4", "assert add('a', 'b') == 'ab'"]}
CALLS = {"inputs": ["1\n2", [3, 4]], "outputs": ["3", 7], "fn_name": "add"}
STREAMS = {"inputs": ["1 2\n", "3 4\n", "5 6\n"], "outputs": ["3\n", "7\n", "11\n"]}
SUM = "print(sum(map(int, input().split())))"


@pytest.fixture(scope="module")
def verifier():
    return CodeVerifier()


@pytest.fixture(scope="module")
def judge(verifier):
    def run(program, reference, **params):
        return asyncio.run(verifier.verify(f"```python\n{program}\n```", reference, params))

    return run


def statuses(verdict):
    return [test["status"] for test in verdict.details["tests"]]


def test_right_and_wrong(judge):
    assert judge(ADD, LISTED).score == 1.0
    wrong = judge("def add(a, b):\n    return 3", LISTED)
    assert (wrong.status, wrong.score, wrong.reason) == ("incorrect", 0.0, "wrong_answer")
    assert statuses(wrong) == ["passed", "wrong_answer", "wrong_answer"]
    assert (wrong.details["passed"], wrong.details["total"], wrong.details["strength"]) == (1, 3, "strong")
    assert wrong.extracted == "def add(a, b):\n    return 3\n"


def test_scoring(judge):
    constant = "def add(a, b):\n    return 3"
    assert judge(constant, LISTED, scoring="pass_rate").score == pytest.approx(1 / 3)
    assert judge(constant, LISTED, scoring="pass_rate").status == "partial"
    weighted = LISTED | {"weights": [2, 1, 1]}
    assert judge(constant, weighted, scoring="weighted").score == 0.5
    stopped = judge("def add(a, b):\n    return 'ab'", LISTED, scoring="pass_rate", stop_at_first_failure=True)
    assert statuses(stopped) == ["wrong_answer", "not_run", "not_run"]
    assert stopped.score == 0.0


def test_reasons(judge):
    quick = LISTED | {"time_limit_s": 0.3}
    assert judge("def add(a, b:\n    pass", LISTED).reason == "syntax_error"
    assert judge("def add(a, b):\n    while True: pass", quick).reason == "time_limit"
    assert judge("while True: pass", quick).reason == "time_limit"
    assert judge("import time\ndef add(a, b):\n    time.sleep(60)", quick).reason == "time_limit"
    assert judge("def add(a, b):\n    return bytearray(1 << 40)", LISTED).reason == "memory_limit"
    assert judge("def add(a, b):\n    return 'x' * (1 << 25)", LISTED).reason == "output_limit"
    failing = judge("def add(a, b):\n    raise ValueError('no')", LISTED)
    assert (failing.reason, failing.details["message"]) == ("runtime_error", "ValueError: no")


def test_a_death_fails_its_own_test_only(judge):
    program = "import os\ndef add(a, b):\n    if a == 2: os._exit(0)\n    return a + b"
    verdict = judge(program, LISTED, scoring="pass_rate")
    assert statuses(verdict) == ["passed", "runtime_error", "passed"]
    program = "def add(a, b):\n    while a == 2: pass\n    return a + b"
    verdict = judge(program, LISTED | {"time_limit_s": 0.3}, scoring="pass_rate")
    assert statuses(verdict) == ["passed", "time_limit", "passed"]


def test_no_code_is_no_answer(verifier):
    verdict = asyncio.run(verifier.verify("I cannot help with that.", LISTED))
    assert (verdict.status, verdict.reason) == ("no_answer", "no_code")


def test_calls_of_functions_and_methods(judge):
    assert judge(ADD, CALLS).score == 1.0
    method = """
class Solution:
    def add(self, a: int, b: Optional[int]) -> List[int]:
        return Counter([a])[a] * (a + b)"""
    assert judge(method, CALLS).score == 1.0
    assert judge("def add(a, b):\n    return str(a + b)", CALLS).score == 0.0
    assert judge(ADD + "\nprint(add(*map(int, input().split())))", CALLS).score == 1.0


def test_tuples_are_lists_where_tests_are_json(judge):
    reference = {"inputs": [[1, 2]], "outputs": [[[1, [2]]]], "fn_name": "pair"}
    assert judge("def pair(a, b): return (a, (b,))", reference).score == 1.0


@pytest.mark.parametrize(
    "program",
    [
        SUM,
        "import sys\nsys.stdout.write(str(sum(map(int, sys.stdin.read().split()))))",
        "import sys\nprint(sum(map(int, sys.stdin.buffer.readline().split())))\nsys.exit(0)",
        "def main():\n    a, b = map(int, input().split())\n    print(a + b)\nif __name__ == '__main__':\n    main()",
        "import threading\nthreading.Thread(target=lambda: print(sum(map(int, input().split())))).start()",
        "import atexit\natexit.register(lambda: " + SUM + ")",
        "for line in open(0):\n    print(sum(map(int, line.split())))",
        "n = input()\nprint(sum(Counter(n.split()).elements() and map(int, n.split())))",
    ],
)
def test_programs_on_standard_input(judge, program):
    verdict = judge(program, STREAMS)
    assert verdict.score == 1.0, verdict


def test_programs_on_standard_input_that_fail(judge):
    def second(what):
        return judge(
            f"n = input()\nif n[0] == '3': {what}\nprint(sum(map(int, n.split())))",
            STREAMS | {"time_limit_s": 0.5},
            scoring="pass_rate",
        )

    for what, status in {
        "raise ValueError": "runtime_error",
        "import sys; sys.exit(3)": "runtime_error",
        "import os; os._exit(0)": "wrong_answer",
        "import os; os.kill(os.getppid(), 9)": "runtime_error",
        "bytearray(1 << 40)": "memory_limit",
        "print('x' * (1 << 25))": "output_limit",
        "[0 for _ in iter(int, 1)]": "time_limit",
        "print(0)": "wrong_answer",
    }.items():
        assert statuses(second(what)) == ["passed", status, "passed"], what
    assert judge("print(", STREAMS).reason == "syntax_error"


CHECKER = """
import sys
a, b = map(int, open(sys.argv[1]).read().split())
sys.exit(abs(float(open(sys.argv[3]).read()) - a - b) > 0.6)"""
JSON_CHECKER = """
import json, sys
given, expected, actual = (json.load(open(path)) for path in sys.argv[1:])
sys.exit(sum(given) != actual or expected != actual)"""


def test_other_languages(verifier):
    def run(code):
        reference = STREAMS | {"language": "sh"}
        return asyncio.run(verifier.verify(f"```bash\n{code}\n```", reference, {"scoring": "pass_rate"}))

    assert run("read a b; echo $((a + b))").score == 1.0
    assert run("read a b; echo $((a * b))").score == 0.0
    assert statuses(run("read a b; [ $a = 3 ] && exit 2; echo $((a + b))")) == ["passed", "runtime_error", "passed"]


def test_checker_programs(judge):
    reference = STREAMS | {"comparator": "checker", "checker": CHECKER}
    near = "print(sum(map(int, input().split())) + 0.5)"
    assert judge(near, STREAMS).score == 0.0
    assert judge(near, reference).score == 1.0
    assert judge("print(sum(map(int, input().split())) + 0.7)", reference).score == 0.0
    assert judge("print('a lot')", reference).reason == "wrong_answer"
    broken = judge(SUM, STREAMS | {"comparator": "checker", "checker": "raise OSError"})
    assert (broken.status, broken.score) == ("error", None)
    calls = CALLS | {"comparator": "checker", "checker": JSON_CHECKER}
    assert judge(ADD, calls).score == 1.0
    assert judge("def add(a, b): return 3", calls, scoring="pass_rate").score == 0.5


def test_comparator_of_the_task(judge):
    reference = {"inputs": ["x"], "outputs": ["1 2\n"]}
    assert judge("print('1\\n2')", reference).score == 0.0
    assert judge("print('1\\n2')", reference | {"comparator": "tokens"}).score == 1.0


CHECK = """
def check(candidate):
    import random
    for _ in range(20):
        x = random.randint(0, 1000)
        assert helper(candidate(x)) == x + 1
    assert candidate(candidate(1)) == 1
    try:
        candidate(-1)
        assert False
    except ValueError:
        pass
"""
PROMPT = "def helper(x):\n    return x + 1\n\ndef same(x):\n    '''The same, but not below 0.'''\n"


def test_check_functions_with_loops_helpers_and_random_numbers(judge):
    reference = {"prompt": PROMPT, "test": CHECK, "entry_point": "same"}
    good = "def same(x):\n    if x < 0:\n        raise ValueError(x)\n    return helper(x) - 1"
    verdict = judge(good, reference)
    assert (verdict.status, verdict.details["total"], verdict.details["strength"]) == ("correct", 2, "strong")
    assert judge("def same(x):\n    return x", reference).score == 0.0
    assert judge("def same(x):\n    raise ValueError", reference).reason == "runtime_error"
    assert judge("import os\ndef same(x):\n    os._exit(0)", reference).reason == "runtime_error"
    assert judge("def same(x):\n    while True: pass", reference | {"time_limit_s": 0.3}).reason == "time_limit"
    assert judge("def same(x:", reference).reason == "syntax_error"


def test_results_that_lead_to_further_calls(judge):
    reference = {"test_list": ["assert f(f(f(1))) == 8", "x = 1\nfor _ in range(4):\n    x = f(x) + 1\nassert x == 31"]}
    assert judge("def f(x): return 2 * x", reference).score == 1.0
    assert judge("def f(x): return 2 * x if x != 7 else 0", reference, scoring="pass_rate").score == 0.5
    endless = {"test_list": ["x = 1\nwhile x:\n    x = f(x) + 1\nassert x == 0"]}
    assert judge("def f(x): return x", endless).status == "undecided"


def test_results_in_place(judge):
    reference = {"test_list": ["items = [3, 1, 2]\norder(items)\nassert items == [1, 2, 3]"]}
    assert judge("def order(items): items.sort()", reference).score == 1.0
    assert judge("def order(items):\n    items.sort()\n    return items", reference).score == 1.0
    assert judge("def order(items): return sorted(items)", reference).score == 0.0


def test_emptying_the_arguments_does_not_change_the_question(judge):
    reference = {"test_list": ["items = [3, 1, 2]\nassert order(items) == sorted(items)"]}
    assert judge("def order(items): return sorted(items)", reference).score == 1.0
    assert judge("def order(items):\n    items.clear()\n    return []", reference).score == 0.0


STACK = """
class Stack:
    def __init__(self, *items): self.items = list(items)
    def push(self, x): self.items.append(x)
    def pop(self): return self.items.pop()
    def is_empty(self): return not self.items
    def __len__(self): return len(self.items)
    def __eq__(self, other): return self.items == other.items
"""
OBJECTS = {
    "test_list": [
        "s = Stack(0)\ns.push(1)\ns.push(2)\nassert len(s) == 3\nassert s.pop() == 2\nassert s.items == [0, 1]",
        "s = Stack()\nassert s.is_empty()\ntry:\n    s.pop()\n    assert False\nexcept IndexError:\n    pass",
        "assert isinstance(Stack(1), Stack)",
    ]
}


def test_classes(judge):
    assert judge(STACK, OBJECTS).score == 1.0
    assert statuses(judge(STACK.replace("pop()", "pop(0)", 1), OBJECTS, scoring="pass_rate"))[0] == "wrong_answer"
    compared = {"test_list": ["s = Stack()\ns.push(1)\nassert s == Stack(1)"]}
    verdict = judge(STACK, compared)
    assert (verdict.score, verdict.details["strength"]) == (1.0, "weak")


def test_objects_of_the_program_are_no_values(judge):
    liar = (
        STACK
        + "    def __sub__(self, other): return 0\n    def __contains__(self, x): return True\ndef f(x): return Stack()"
    )
    for test in ("abs(f(1) - 5) < 1", "f(1) == 5", "5 in f(1)", "f(1).count(5) == 0", "not f(1) != 5"):
        assert judge(liar, {"test_list": [f"x = 1\nassert {test}"]}).score == 0.0


def test_objects_equal_no_plain_value_whatever_they_say(judge):
    liar = "class Account:\n    deposit = lambda self, x: None\n    __eq__ = lambda self, other: True"
    reference = {"test_list": ["account = Account()\naccount.deposit(3)\nassert account == 3"]}
    assert judge(liar, reference).score == 0.0


def test_tests_that_need_the_program_beside_them_are_weak(judge):
    reference = {"test_list": ["assert apply(lambda x: x + 1, 3) == 4"]}
    verdict = judge("def apply(f, x): return f(x)", reference)
    assert (verdict.score, verdict.details["strength"]) == (1.0, "weak")
    assert judge("def apply(f, x): return x", reference).score == 0.0
    assert judge("class A(int):\n    __eq__ = lambda *a: True\ndef apply(f, x): return A()", reference).score == 0.0
    assert judge("import os\nos._exit(0)", reference).score == 0.0


def test_broken_test_code_is_an_error_not_a_wrong_answer(judge):
    verdict = judge(ADD, {"test_list": ["assert add(x, 1) == 2"], "test_setup_code": "x = 1 / 0"})
    assert (verdict.status, verdict.score) == ("error", None)


def test_evalplus_rows(judge):
    reference = {
        "prompt": "def half(x):\n    '''Half of x.'''\n",
        "canonical_solution": "    return x / 2\n",
        "entry_point": "half",
        "base_input": [[1], [2]],
        "plus_input": [[0.3]],
    }
    assert judge("def half(x): return x * 0.5 + 1e-9", reference).score == 1.0
    assert judge("def half(x): return x // 2", reference, scoring="pass_rate").score == pytest.approx(1 / 3)
    assert judge("def half(x): return 0", reference | {"canonical_solution": "    return undefined"}).status == "error"


def test_wrong_shapes_are_refused(judge):
    with pytest.raises(ValidationError, match="needs the keys of one shape"):
        judge(ADD, {"tests": []})
    with pytest.raises(ValidationError):
        judge(ADD, LISTED, scoring="most")


def test_details_are_bounded(judge):
    reference = {"inputs": [[n, 0] for n in range(300)], "outputs": list(range(300)), "fn_name": "add"}
    verdict = judge(ADD, reference)
    assert (verdict.score, verdict.details["total"], len(verdict.details["tests"])) == (1.0, 300, 100)


def test_the_same_verdict_from_threads_and_together(verifier):
    async def many():
        return await asyncio.gather(*(verifier.verify(ADD, LISTED) for _ in range(8)))

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.extend(asyncio.run(many()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len({verdict.model_dump_json() for verdict in found}) == 1


class BrokenSandbox:
    layers = ()

    async def arun(self, request):
        return RunResult("sandbox_error", stderr="no cgroup")


def test_a_broken_sandbox_is_an_error_never_a_zero():
    sandbox: Sandbox = BrokenSandbox()  # type: ignore[assignment]
    for reference in (LISTED, CALLS, STREAMS):
        verdict = asyncio.run(CodeVerifier(sandbox).verify(ADD, reference))
        assert (verdict.status, verdict.score, verdict.reason) == ("error", None, "sandbox_error")


@pytest.mark.parametrize(
    ("program", "reference", "actual"),
    [
        ("def add(a, b): return a - b", CALLS, ["-1", "-1"]),
        ("def add(a, b): return a * b", CALLS, ["2", "12"]),
        ("print(int(input()) + 1)", {"inputs": ["1", "5"], "outputs": ["2", "5"]}, [None, "6\n"]),
        ("def add(a, b): return 10**5000", CALLS, ["int too long to be written"] * 2),
        ("def f(x): return [x]", {"test_list": ["assert f(1) == 1", "assert f(2) == [2]"]}, ["[1]", None]),
    ],
)
def test_a_wrong_answer_is_shown(judge, program, reference, actual):
    """What the program gave stands beside each test that it failed, and beside no other."""
    assert [test.get("actual") for test in judge(program, reference).details["tests"]] == actual


def test_a_value_that_no_float_can_hold_is_wrong_and_no_error(judge):
    reference = {"canonical_solution": "def half(x): return x / 2", "entry_point": "half", "base_input": [[3]]}
    assert judge("def half(x): return 10**400", reference).reason == "wrong_answer"
    assert judge("from decimal import Decimal\ndef half(x): return Decimal('sNaN')", reference).reason == "wrong_answer"


def test_sets_of_values_with_equal_hashes_are_not_built(judge):
    """Built outside, they would keep everybody waiting for minutes."""
    answer = "def f(n):\n    return [i * ((1 << 61) - 1) for i in range(n)]"
    for test in ("assert set(f(20000)) == {0}", "assert len(frozenset(f(20000))) == 20000"):
        began = time.process_time()
        assert judge(answer, {"test_list": [test]}).status == "incorrect"
        assert time.process_time() - began < 1
    fine = "def f(n):\n    return [[i, i % 3] for i in range(n)]"
    tests = ["assert set(map(tuple, f(3))) == {(0, 0), (1, 1), (2, 2)}", "assert dict(f(2)) == {0: 0, 1: 1}"]
    assert judge(fine, {"test_list": [*tests, "assert isinstance(set(dict(f(2000))), set)"]}).score == 1.0


@pytest.mark.parametrize("code", [[], {}, None, True, 0.0, "0"])
def test_a_forged_exit_code_is_no_end(code):
    answers = Answers(outcomes={0: {"exit": code, "output": "5"}, 1: {"exit": 0, "output": "\ud800"}})
    with pytest.raises(CallFailed, match="runtime_error"):
        answers.output(0)
    assert answers.output(1) == "?"


def test_programs_get_their_streams_where_memory_files_are_refused(monkeypatch):
    """As they are where no control groups count them."""

    def refuse(name):
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", refuse)
    job = {"cpu_s": 2, "wall_s": 5, "output_bytes": 1000}
    code = compile("print(int(input()) + 1)", "main.py", "exec")
    outcome = scripts.run_once(code, types.ModuleType("__main__"), "4\n", job)
    assert (outcome["exit"], outcome["output"]) == (0, "5\n")
