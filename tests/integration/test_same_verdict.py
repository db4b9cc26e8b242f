"""One verdict for one response, wherever it is asked for: threads, coroutines, a forked process, a Ray actor."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from verifiers import Verdict, averify, verify
from verifiers.examples import EXAMPLES

HARD = [
    # What only a worker decides, what runs programs, what is made of others.
    ("math", "\\boxed{\\int_0^1 x^2 dx}", "1/3"),
    ("math", "\\boxed{\\sum_{k=1}^{\\infty} \\frac{1}{k^2}}", "\\frac{\\pi^2}{6}"),
    ("math", "\\boxed{\\lim_{x \\to 0} \\frac{\\sin x}{x}}", "2"),
    ("math", "\\sin(e^{1000})", "\\sin(e^{1000}+1)"),
    ("math", "9^{9^{9^9}}", "9^{9^{9^9}}+1"),
    ("math", "\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}"),
]
CASES = HARD + [
    (name, example.response, example.reference, example.params)
    for name, examples in EXAMPLES.items()
    if name not in ("remote", "judge")
    for example in examples
]


def seen(verdict: Verdict) -> list[object]:
    return [verdict.status, verdict.score, verdict.reason, verdict.extracted, verdict.verifier, verdict.version]


def judge(case):
    name, response, reference, *params = case
    return seen(verify(name, response, reference, **((params[0] if params else None) or {})))


@pytest.fixture(scope="module")
def expected():
    return [judge(case) for case in CASES]


def test_from_threads(expected):
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(judge, CASES)) == expected


def test_from_coroutines(expected):
    async def one(case):
        name, response, reference, *params = case
        return seen(await averify(name, response, reference, **((params[0] if params else None) or {})))

    async def together():
        return await asyncio.gather(*map(one, CASES))

    for _ in range(2):  # each on an event loop of its own
        assert asyncio.run(together()) == expected


def test_from_a_forked_process(expected):
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside the grader's thread is the point here
        child = os.fork()
    if not child:
        status = 1
        try:
            with os.fdopen(writing, "w") as pipe:
                json.dump([judge(case) for case in CASES], pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = json.load(pipe)
    assert os.waitpid(child, 0)[1] == 0
    assert found == expected


RAY = """
    import json, sys
    from rlvr import own_ray

    class Judge:
        def judge(self, cases):
            from tests.integration.test_same_verdict import judge
            return [judge(case) for case in cases]

    class AsyncJudge(Judge):
        async def judge(self, cases):
            import asyncio
            from verifiers import averify
            from tests.integration.test_same_verdict import seen
            return [seen(await averify(c[0], c[1], c[2], **((c[3] if len(c) > 3 else None) or {}))) for c in cases]

    own_ray.prepare()
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    cases = json.load(sys.stdin)
    found = [ray.get(ray.remote(num_cpus=0)(kind).remote().judge.remote(cases)) for kind in (Judge, AsyncJudge)]
    print("VERDICTS " + json.dumps(found))
    ray.shutdown()
"""


@pytest.mark.ray
@pytest.mark.slow
def test_from_a_ray_actor(expected):
    """Where SIGALRM verifiers fail in silence: an actor runs its methods off the main thread."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RAY)],
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        timeout=240,
        cwd=root,
        env=os.environ | {"PYTHONPATH": root},
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("VERDICTS ")), None)
    assert line is not None, done.stderr[-2000:]
    for found in json.loads(line.removeprefix("VERDICTS ")):
        assert found == expected
