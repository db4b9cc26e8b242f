"""The protocols that run programs, in the bytes that their clients send and read."""

import base64
import json

import pytest

HI = base64.b64encode(b"hi").decode()


def post(service, path, body, status=200):
    content = body if isinstance(body, str) else json.dumps(body)
    answer = service.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_run_code_as_verl_sends_it(service):
    body = (
        '{"compile_timeout": 10, "run_timeout": 10, "code": "print(int(input()) + 1)", "stdin": "41",'
        ' "memory_limit_MB": 1024, "language": "python", "files": {}, "fetch_files": []}'
    )
    answer = post(service, "/run_code", body)
    seconds = answer["run_result"].pop("execution_time")
    assert 0 < seconds < 10
    assert answer == {
        "status": "Success",
        "message": "",
        "compile_result": None,
        "run_result": {"status": "Finished", "return_code": 0, "stdout": "42\n", "stderr": ""},
        "executor_pod_name": None,
        "files": {},
    }


@pytest.mark.parametrize(
    ("code", "more", "status", "ran", "return_code"),
    [
        ("raise SystemExit(3)", {}, "Failed", "Finished", 3),
        ("while True: pass", {"run_timeout": 1}, "Failed", "TimeLimitExceeded", None),
        ("x = bytearray(10**9)", {"memory_limit_MB": 64}, "Failed", "Finished", None),
        ("import os; os.abort()", {}, "Failed", "Finished", 134),
    ],
)
def test_programs_that_fail_are_outcomes(service, code, more, status, ran, return_code):
    answer = post(service, "/run_code", {"code": code, "language": "python", **more})
    assert (answer["status"], answer["run_result"]["status"]) == (status, ran)
    if return_code or ran != "Finished":
        assert answer["run_result"]["return_code"] == return_code
    else:
        assert answer["run_result"]["return_code"] not in (0, None)


def test_files_go_in_and_come_out(service):
    body = {
        "code": "open('b', 'w').write(open('a').read() * 2)",
        "language": "python",
        "files": {"a": HI, "empty": None},
        "fetch_files": ["b", "nowhere"],
        "expected_stdout": "ROLL sends this",
    }
    assert post(service, "/run_code", body)["files"] == {"b": base64.b64encode(b"hihi").decode()}
    assert service.get("/v1/ping").text == "pong"


def test_what_does_not_compile(service):
    answer = post(service, "/run_code", {"code": "int main() { return x; }", "language": "cpp"})
    assert (answer["status"], answer["run_result"]) == ("Failed", None)
    assert answer["compile_result"]["return_code"] != 0
    assert "not declared" in answer["compile_result"]["stderr"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/run_code", {"code": "", "language": "cobol"}),
        ("/run_code", {"code": "", "language": "python", "files": {"a": "?"}}),
        ("/run_code", {"code": "", "language": "python", "files": {"a": "\u00fc"}}),
        ("/run_code", {"code": "", "language": "python", "memory_limit_MB": False}),
        ("/submissions/?wait=true&base64_encoded=true", {"source_code": "\u00fc", "language_id": 71}),
        ("/run_code", {"code": "", "language": "python", "files": {"../a": HI}}),
        ("/run_code", {"code": "", "language": "python", "run_timeout": 1e9}),
        ("/execute", {"generated_code": "1", "language": "ipython"}),
        ("/submissions/?wait=true", {"source_code": "", "language_id": 1}),
        ("/submissions/?wait=false", {"source_code": "", "language_id": 71}),
        ("/api/v2/execute", {"language": "python", "files": []}),
    ],
)
def test_what_makes_no_sense_is_refused(service, path, body):
    assert post(service, path, body, 422)["detail"]


def test_execute_as_nemo_skills_sends_it(service):
    body = {"generated_code": "print(input() * 3)", "std_input": "ab", "timeout": 5, "language": "python3"}
    wanted = {"process_status": "completed", "stdout": "ababab\n", "stderr": "", "new_session_created": True}
    assert post(service, "/execute", body) == wanted
    assert post(service, "/execute", body | {"max_output_characters": 2})["stdout"] == "ab"
    failed = post(service, "/execute", body | {"generated_code": "1/0"})
    assert failed["process_status"] == "error"
    assert "ZeroDivisionError" in failed["stderr"]
    assert (
        post(service, "/execute", body | {"generated_code": "while 1: 1", "timeout": 1})["process_status"] == "timeout"
    )
    assert post(service, "/execute", body | {"generated_code": "echo hi", "language": "shell"})["stdout"] == "hi\n"
    assert service.delete("/sessions/1").status_code == 200


def test_execute_as_piston_has_it(service):
    files = [{"name": "main.py", "content": "import sys; print(sys.argv[1:], open('data').read())"}]
    body = {
        "language": "py",
        "version": "*",
        "files": [*files, {"name": "data", "content": HI, "encoding": "base64"}],
        "args": ["x"],
        "run_timeout": 5000,
        "run_memory_limit": 256 << 20,
    }
    answer = post(service, "/api/v2/execute", body)
    ran = {"stdout": "['x'] hi\n", "stderr": "", "output": "['x'] hi\n", "code": 0, "signal": None}
    assert answer == {"language": "python", "version": answer["version"], "run": ran}
    slow = post(service, "/api/v2/execute", body | {"files": [{"content": "while 1: 1"}], "run_timeout": 300})
    assert (slow["run"]["code"], slow["run"]["signal"]) == (None, "SIGKILL")
    runtimes = {runtime["language"]: runtime for runtime in service.get("/api/v2/runtimes").json()}
    assert "py" in runtimes["python"]["aliases"]


@pytest.mark.parametrize(
    ("code", "expected", "status"),
    [
        ("print(input())", "hi", {"id": 3, "description": "Accepted"}),
        ("print(input() + ' ')\nprint()", "hi\n", {"id": 3, "description": "Accepted"}),
        ("print(input())", None, {"id": 3, "description": "Accepted"}),
        ("print('ho')", "hi", {"id": 4, "description": "Wrong Answer"}),
        ("while 1: 1", "hi", {"id": 5, "description": "Time Limit Exceeded"}),
        ("1/0", "hi", {"id": 11, "description": "Runtime Error (NZEC)"}),
        ("import os; os.abort()", "hi", {"id": 10, "description": "Runtime Error (SIGABRT)"}),
    ],
)
def test_submissions_as_judge0_has_them(service, code, expected, status):
    body = {"source_code": code, "language_id": 71, "stdin": "hi", "expected_output": expected, "cpu_time_limit": 0.5}
    assert post(service, "/submissions/?wait=true", body, 201)["status"] == status


def test_submissions_in_base64(service):
    body = {"source_code": base64.b64encode(b"print('hi')").decode(), "language_id": 71, "expected_output": HI}
    answer = post(service, "/submissions?base64_encoded=true&wait=true", body, 201)
    assert (answer["status"]["id"], answer["stdout"]) == (3, base64.b64encode(b"hi\n").decode())
