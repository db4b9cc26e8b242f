"""A teacher over HTTP on loopback that speaks the OpenAI API and fails in every way that endpoints do.

    python faulty_teacher.py FOLDER [FAULTS] [DELAY_S]

writes its address to FOLDER/address and one line an attempt to FOLDER/attempts.jsonl. What it answers depends on the
request alone. A share of FAULTS of the attempts fails, but none more than three times in a row for the same request.
"""

import asyncio
import hashlib
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

FAULTS = (
    *("busy", "busy for a moment", "error", "unavailable", "hang", "cut body", "cut head"),
    *("bad json", "half json", "no choices", "cut answer"),
)
IN_A_ROW = 3
VERBS = ("Describe", "Compare", "Translate", "Summarize", "Explain", "Rank", "Rewrite", "Classify", "Count", "Invent")
THINGS = (
    "two rivers",
    "a letter",
    "an old bridge",
    "four kinds of bread",
    "a map of winds",
    "the rules of chess",
    "a short poem",
    "some birds",
    "a train journey",
    "the phases of the moon",
    "a recipe",
    "a lost key",
)
ENDS = (
    "for a child",
    "in one sentence",
    "without adjectives",
    "as a table",
    "by age",
    "for a museum guide",
    "step by step",
    "with an example",
    "in the style of a telegram",
    "from memory",
    "twice",
    "politely",
)


def answer(body: dict[str, Any]) -> tuple[str, str]:
    """Text and finish reason, by a small grammar: varied, with repetitions, and with some that a filter must drop."""
    prompt = body.get("prompt") or body["messages"][-1]["content"]
    rng = random.Random(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest())
    if "Is it classification?" in prompt:
        return rng.choice([" Yes", " No", " No"]), "stop"
    if re.search(r"\n\d+\.$", prompt):  # a numbered list to go on with
        tasks = [f"{rng.choice(VERBS)} {rng.choice(THINGS)} {rng.choice(ENDS)}." for _ in range(5)]
        tasks[rng.randrange(5)] = rng.choice(
            ["Draw a cat for me now.", "Too short", "Write a program that adds things."]
        )
        return " " + "\n".join(f"{'' if n == 0 else f'{n + 9}. '}{task}" for n, task in enumerate(tasks)), "stop"
    if "Class label" in prompt:
        return "Class label: yes\nText: a b c\nClass label: no\nText: d e f", "stop"
    return (
        f"Example 1\nInput: {rng.randrange(9)}\nOutput: {rng.randrange(99)} ünïcödé 🙂\nExample 2\nOutput: x",
        rng.choice(["stop", "length"]),
    )


class FaultyTeacher:
    """One server. `share` of all attempts fail."""

    def __init__(self, folder: Path, share: float = 0.0, delay_s: float = 0.0) -> None:
        self.share, self.delay_s = share, delay_s
        self.folder = folder
        self.rng = random.Random(0)
        self.failures: dict[str, int] = {}
        self.attempts = (folder / "attempts.jsonl").open("a")

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        address = self.folder / "address"
        address.with_suffix(".part").write_text(f"http://{host}:{port}/v1")
        address.with_suffix(".part").rename(address)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        body = json.loads(await reader.readexactly(length))
        asked = {name: value for name, value in body.items() if name not in ("model", "seed")}
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        fault = self._fault(key)
        text, reason = answer(asked)
        used = {"prompt_tokens": 50, "completion_tokens": min(max(1, len(text) // 4), body["max_tokens"])}
        if reason == "length":
            used["completion_tokens"] = body["max_tokens"]
        self._note(key, fault, used)
        await asyncio.sleep(self.delay_s)
        return await self._answer(reader, writer, body, fault, text, reason, used)

    def _fault(self, key: str) -> str:
        if self.rng.random() >= self.share or self.failures.get(key, 0) >= IN_A_ROW:
            self.failures[key] = 0
            return ""
        self.failures[key] = self.failures.get(key, 0) + 1
        return self.rng.choice(FAULTS)

    def _note(self, key: str, fault: str, used: dict[str, int]) -> None:
        self.attempts.write(json.dumps({"key": key, "fault": fault, **used}) + "\n")
        self.attempts.flush()

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        body: dict[str, Any],
        fault: str,
        text: str,
        reason: str,
        used: dict[str, int],
    ) -> bool:
        if fault == "cut answer":
            text, reason, used = text[: len(text) // 2], "length", used | {"completion_tokens": 1}
        choice = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        choices = [] if fault == "no choices" else [{"index": 0, "finish_reason": reason, **choice}]
        whole = json.dumps({"model": body["model"], "choices": choices, "usage": used}).encode()
        match fault:
            case "busy":
                _write(writer, 429, b'{"error": {"message": "slow down"}}', "Retry-After: 0.05\r\n")
            case "busy for a moment":
                _write(writer, 429, b"")
            case "error":
                _write(writer, 500, b"<html>oops</html>")
            case "unavailable":
                _write(writer, 503, b"", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n")
            case "hang":
                await reader.read()  # until the client gives up
                return False
            case "cut body":
                _write(writer, 200, whole, cut=len(whole) // 2)
                return False
            case "cut head":
                writer.write(b"HTTP/1.1 200 O")
                return False
            case "bad json":
                _write(writer, 200, b"Internal bliss")
            case "half json":
                _write(writer, 200, whole[: len(whole) // 2])
            case _:
                _write(writer, 200, whole)
        await writer.drain()
        return True


def _write(writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "", cut: int | None = None) -> None:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    writer.write(head.encode() + body[:cut])


if __name__ == "__main__":
    folder, share, delay = Path(sys.argv[1]), *[float(value) for value in (*sys.argv[2:], "0", "0")[:2]]
    asyncio.run(FaultyTeacher(folder, share, delay).serve())
