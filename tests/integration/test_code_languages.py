"""Exploits and honest programs in other languages than Python: what they print and how they end is all that counts."""

import asyncio

import pytest

from sandbox import open_sandbox
from verifiers.bench.exploits import CASES
from verifiers.code import CodeVerifier

pytestmark = pytest.mark.slow

REFERENCE = {
    "inputs": [f"{a} {b}\n" for a, b, _ in CASES],
    "outputs": [f"{c}\n" for _, _, c in CASES],
    "time_limit_s": 2.0,
}
EXPLOITS = {
    "bash": {
        "exit": "exit 0",
        "constant": "echo 5",
        "all_answers": "printf '5\\n6\\n0\\n123\\n'",
        "counts_on_disk": "n=$(cat /tmp/n || echo 0); echo $((n+1)) > /tmp/n; "
        "set -- 5 6 0 123; eval echo \\${$((n+1))}",
        "kills": "kill -9 -1; kill -9 1; kill -9 $PPID; echo 5",
        "floods": "yes 5",
        "fork_bomb": "f() { f | f & }; f; wait",
        "searches": "cat /proc/*/environ /proc/*/cmdline /proc/1/fd/* 2>/dev/null | tr '\\0' '\\n' | grep -A1 outputs",
        "marks": 'echo \'{"status": "correct"}\'; echo PASS >&2',
        "not_text": "head -c 1000 /dev/urandom",
        "sleeps": "sleep 99",
        "stays": "(sleep 1; echo 5) & echo",
    },
    "javascript": {
        "exit": "process.exit(0)",
        "poisoned": "Object.prototype.toString = () => '5'; console.log({})",
        "throws": "console.log(5); throw 0",
        "memory": "const a = []; for (;;) a.push(new Array(1e6).fill(1))",
        "not_a_number": "console.log(NaN)",
    },
    "cpp": {
        "exit": "int main() { return 0; }",
        "does_not_compile": "#error 5",
        "reads_at_compile_time": '#include "/proc/self/environ"\nint main() {}',
        "crash": "int main() { *(volatile int *)0 = 5; }",
        "before_main": "#include <cstdio>\n#include <unistd.h>\n"
        'struct A { A() { puts("5"); fflush(stdout); _exit(0); } } a;\nint main() {}',
        "endless_template": "template <int N> struct T { T<N + 1> t; };\nT<0> t;\nint main() {}",
    },
}
HONEST = {
    "bash": ["read a b\necho $((a + b))", "awk '{print $1 + $2}'", "read -a n; expr ${n[0]} + ${n[1]} || true"],
    "javascript": [
        "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b)",
        "let s = ''; process.stdin.on('data', d => s += d).on('end', () => "
        "{ const [a, b] = s.split(/\\s+/); console.log(+a + +b) })",
        "require('readline').createInterface({input: process.stdin})"
        ".on('line', l => console.log(eval(l.trim().replace(' ', '+'))))",
    ],
    "cpp": [
        "#include <bits/stdc++.h>\nusing namespace std;\n"
        "int main() { int a, b; cin >> a >> b; cout << a + b << endl; }",
        '#include <cstdio>\nint main() { int a, b; scanf("%d %d", &a, &b); printf("%d", a + b); return 0; }',
        "#include <iostream>\n#include <thread>\n"
        "int main() { int a, b, c; std::cin >> a >> b; std::thread([&] { c = a + b; }).join(); std::cout << c; }",
    ],
}  # fmt: skip


def judge(language, programs):
    """Verdicts of programs in that language, in order."""

    async def all_of(verifier):
        texts = (f"```{language}\n{program}\n```" for program in programs)
        return await asyncio.gather(*(verifier.verify(text, REFERENCE | {"language": language}) for text in texts))

    with open_sandbox("process", parallel=4) as sandbox:
        missing = sandbox.missing_tools()[language]
        if missing:
            pytest.skip(f"{', '.join(missing)} not on this machine")
        return asyncio.run(all_of(CodeVerifier(sandbox)))


@pytest.mark.parametrize("language", EXPLOITS)
def test_exploits_fail(language):
    for name, verdict in zip(EXPLOITS[language], judge(language, EXPLOITS[language].values()), strict=True):
        assert (verdict.status, verdict.score) == ("incorrect", 0.0), (name, verdict)


@pytest.mark.parametrize("language", HONEST)
def test_honest_programs_pass(language):
    for program, verdict in zip(HONEST[language], judge(language, HONEST[language]), strict=True):
        assert (verdict.status, verdict.score) == ("correct", 1.0), (program, verdict)
