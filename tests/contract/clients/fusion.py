"""SandboxFusion's own client, blocking and asynchronous."""

import asyncio
import base64
import json
import sys

from sandbox_fusion import RunCodeRequest, run_code, run_code_async, run_concurrent, set_endpoint

set_endpoint(sys.argv[1])


def row(answer):
    def part(result):
        return result and [result.status.value, result.return_code, result.stdout, bool(result.stderr)]

    files = {name: base64.b64decode(content).decode() for name, content in answer.files.items()}
    return [answer.status.value, part(answer.compile_result), part(answer.run_result), files]


def ask(code, **more):
    return run_code(RunCodeRequest(code=code, **({"language": "python", "run_timeout": 5} | more)), max_attempts=2)


many = [[RunCodeRequest(code=f"print({n} ** 2)", language="python", run_timeout=10)] for n in range(100)]
print(
    json.dumps(
        {
            "ok": row(ask("print(input())", stdin="hi")),
            "files": row(
                ask(
                    "print(open('a').read(), file=open('b', 'w'))",
                    files={"a": base64.b64encode(b"in").decode()},
                    fetch_files=["b"],
                )
            ),
            "wrong": row(ask("1/0")),
            "slow": row(ask("while True: pass", run_timeout=1)),
            "cpp": row(ask('#include <cstdio>\nint main() { puts("hi"); }', language="cpp", compile_timeout=60)),
            "broken cpp": row(ask("int main() { return x; }", language="cpp", compile_timeout=60)),
            "async": row(asyncio.run(run_code_async(RunCodeRequest(code="print(3)", language="python")))),
            "many": [answer.run_result.stdout for answer in run_concurrent(run_code, args=many, concurrency=32)],
        }
    )
)
