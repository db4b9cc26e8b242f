"""An endpoint over HTTP: what is sent, what counts as an answer, and whose fault a failure is."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rlvr.data.request import Reply, Request, Sampling, Usage
from rlvr.data.self_instruct import CLASSIFY
from rlvr.data.teachers.base import Again
from rlvr.data.teachers.config import OpenAITeacher, Price
from rlvr.data.teachers.ledger import cost
from rlvr.data.teachers.openai import OpenAI
from rlvr.errors import UserError

CHAT = Request(Sampling(temperature=0.5, max_tokens=7, stop=("x",)), messages=[{"role": "user", "content": "Hi"}])
TEXT = Request(Sampling(max_tokens=7), prompt="Once")


class Endpoint(ThreadingHTTPServer):
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[tuple[str, Any, Any]] = []

    def config(self, **more: Any) -> OpenAITeacher:
        return OpenAITeacher(url=f"http://127.0.0.1:{self.server_port}/v1/", model="m", **more)


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body, self.headers["Authorization"]))
        status, headers, answer = self.server.answers.pop(0)
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def said(text: str | None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], **more}


def ask(endpoint: Endpoint, request: Request, *answers: Any, **config: Any) -> list[Reply]:
    endpoint.answers = [one if isinstance(one, tuple) else (200, {}, one) for one in answers]

    async def run() -> list[Reply]:
        teacher = OpenAI(endpoint.config(**config))
        try:
            return [await teacher.ask(request, seed=5) for _ in answers]
        finally:
            await teacher.close()

    return asyncio.run(run())


def test_a_conversation(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    [reply] = ask(endpoint, CHAT, said("Ho", model="m-1", usage=usage), key_env="A_KEY")
    assert reply == Reply("Ho", "stop", Usage(9, 2, 4), "m-1")
    [(path, body, key)] = endpoint.asked
    assert (path, key) == ("/v1/chat/completions", "Bearer secret")
    assert body == {
        **{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "top_p": 1.0},
        **{"max_tokens": 7, "stop": ["x"], "seed": 5},
    }


def test_a_greedy_request_says_nothing_of_top_p(endpoint: Endpoint) -> None:
    """vLLM refuses a `top_p` of 0, which is what Self-Instruct was published with."""
    ask(endpoint, Request(CLASSIFY, prompt="Once"), {"choices": [{"text": " upon"}]})
    [(_, body, _)] = endpoint.asked
    assert body["temperature"] == 0.0
    assert "top_p" not in body


def test_a_text_to_continue(endpoint: Endpoint) -> None:
    [reply] = ask(endpoint, TEXT, {"choices": [{"text": " upon", "finish_reason": "length"}]})
    assert (reply.text, reply.finish_reason, reply.usage.estimated) == (" upon", "length", True)
    ask(endpoint, TEXT, said("upon"), completions="chat", max_tokens_name="max_completion_tokens", extra={"effort": 1})
    (first, _, _), (second, body, _) = endpoint.asked
    assert (first, second) == ("/v1/completions", "/v1/chat/completions")
    assert body["messages"] == [{"role": "user", "content": "Once"}]
    assert (body["max_completion_tokens"], body["effort"]) == (7, 1)
    assert not {"prompt", "max_tokens"} & set(body)


@pytest.mark.parametrize(
    ("answer", "after_s", "busy", "lost"),
    [
        ((429, {"Retry-After": "3"}, ""), 3.0, True, False),
        ((429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, ""), 0.0, True, False),
        ((503, {"Retry-After": "soon"}, ""), None, True, False),
        ((500, {}, "<html>"), None, False, False),
        ("no json", None, False, True),
        ({"choices": []}, None, False, True),
        ({"error": "busy"}, None, False, True),
        ([], None, False, True),
        (said(["a"]), None, False, True),  # type: ignore[arg-type]
    ],
)
def test_what_is_worth_another_attempt(
    endpoint: Endpoint, answer: Any, after_s: float | None, busy: bool, lost: bool
) -> None:
    with pytest.raises(Again) as caught:
        ask(endpoint, CHAT, answer)
    assert (caught.value.after_s, caught.value.busy, caught.value.lost) == (after_s, busy, lost)


def test_no_content_and_half_a_character_are_texts(endpoint: Endpoint) -> None:
    replies = ask(endpoint, CHAT, said(None), said("\ud83d!"), said("\ud83d\ude42"))
    assert [reply.text for reply in replies] == ["", "�!", "🙂"]


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 5, "completion_tokens": "7"},
        {"prompt_tokens": 5, "completion_tokens": 7.0},
        {"prompt_tokens": -5, "completion_tokens": 7},
        {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": "3"}},
        {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 6}},
        {"prompt_tokens": None},
        "much",
    ],
)
def test_a_usage_that_cannot_be_is_estimated(endpoint: Endpoint, usage: Any) -> None:
    [reply] = ask(endpoint, CHAT, said("Ho ho ho", usage=usage))
    assert reply.usage.estimated
    assert cost(reply.usage, Price(input=1.0, output=1.0)).dollars > 0


def test_refusals_are_answers_until_there_are_only_refusals(endpoint: Endpoint) -> None:
    bad = (400, {}, {"error": "unknown field"})
    replies = ask(endpoint, CHAT, bad, said("a"), *[bad] * 6)
    assert [reply.refused for reply in replies] == [True, False, *[True] * 6]
    assert "unknown field" in replies[0].text
    with pytest.raises(UserError, match=r"5 requests refused and none answered: .*unknown field"):
        ask(endpoint, CHAT, *[bad] * 5)


def test_a_wrong_set_up_is_one_clear_line(endpoint: Endpoint) -> None:
    with pytest.raises(UserError, match="answers HTTP 401: wrong key"):
        ask(endpoint, CHAT, (401, {}, "wrong key"))
    with pytest.raises(UserError, match="expected the environment variable NO_SUCH_KEY"):
        ask(endpoint, CHAT, said("a"), key_env="NO_SUCH_KEY")
    with pytest.raises(UserError, match="the recipe needs stop, which `without` says is not there"):
        ask(endpoint, CHAT, said("a"), without=["stop"])
    with pytest.raises(UserError, match='write completions = "chat"'):
        ask(endpoint, TEXT, said("a"), without=["completions"])
    ask(endpoint, CHAT, said("a"), without=["seed"])
    assert "seed" not in endpoint.asked[-1][1]


def test_an_address_without_http_is_found_at_once() -> None:
    with pytest.raises(ValueError, match="expected http://HOST/v1"):
        OpenAITeacher(url="127.0.0.1:8000", model="m")


def test_nobody_there() -> None:
    async def run() -> None:
        teacher = OpenAI(OpenAITeacher(url="http://127.0.0.1:9/v1", model="m"))
        try:
            await teacher.ask(CHAT, 0)
        finally:
            await teacher.close()

    with pytest.raises(Again, match=r"no connection to http://127.0.0.1:9/v1") as caught:
        asyncio.run(run())
    assert not caught.value.lost
