"""A plug-in package with everything a verifier can do wrong, found through its entry points like any other.

The response says what to do: these verifiers obey it, so that one class covers a family of faults.
"""

import asyncio
import math
import os
import signal
import time
from pathlib import Path

from pydantic import BaseModel

from sandbox import SandboxError
from verifiers import Verdict, averify, verify


class Anything(BaseModel):
    value: str = ""
    """A path to write to, where a test has to see from outside what happened."""


class Fault(BaseException):
    """As some time-out classes do, it slips through `except Exception`."""


class Odd:
    def __repr__(self):
        return "<odd>"


def obey(response, reference):
    """Do what the response says and return what a verifier would."""
    word, _, argument = response.partition(" ")
    if word == "raise":
        raise {"ValueError": ValueError, "SystemExit": SystemExit, "Fault": Fault, "SandboxError": SandboxError}[
            argument
        ]("told to\nin two lines")
    if word == "spin":
        end = time.monotonic() + float(argument or 1e9)
        while time.monotonic() < end:
            pass
    if word == "sleep":
        time.sleep(float(argument or 1e9))
    if word == "exit":
        os._exit(int(argument))
    if word == "signal":
        os.kill(os.getpid(), getattr(signal, argument))
    if word == "eat":
        hoard = []
        while True:
            hoard.append(bytearray(1 << 24))
    if word == "once":  # dies the first time only
        if not Path(reference.value).exists():
            Path(reference.value).touch()
            os._exit(7)
        return True
    if word == "count":
        with Path(reference.value).open("a") as file:
            file.write("x")
        return True
    if word == "pid":
        return Verdict.correct("pid", details={"pid": os.getpid(), "group": os.getpgrp()})
    if word == "print":
        print("printed by a verifier")
        return True
    if word == "orphan":
        pid = os.fork()
        if not pid:
            time.sleep(1e9)
        Path(reference.value).write_text(str(pid))
        time.sleep(1e9)
    if word == "surrogate":
        return Verdict.correct("same", extracted="\udc80", details={"set": {1}, "text": "\udc80", "object": Odd()})
    values = {"true": True, "false": False, "nan": math.nan, "text": "yes", "none": None, "int": 1}
    return values[word] if word in values else float(word)


def flaky(mark):
    if not mark.exists():
        mark.touch()
        raise SandboxError("first time")
    return True


class Inline:
    name, version, Reference = "odd_inline", "1.0", Anything

    def verify(self, response, reference, params=None):
        return obey(response, reference)


class Process(Inline):
    name, isolation = "odd_process", "process"


class Fast(Process):
    """Settles numbers itself and leaves the rest to a worker."""

    name = "odd_fast"

    def fast(self, response, reference, params=None):
        if response == "deep":
            raise RecursionError
        return Verdict.correct("fast") if response.isdecimal() else None

    def verify(self, response, reference, params=None):
        return Verdict.correct("slow") if response == "deep" else obey(response, reference)


class Hasty(Process):
    name, deadline_s = "odd_hasty", 0.3


class ProcessAsync(Process):
    name = "odd_process_async"

    async def verify(self, response, reference, params=None):
        await asyncio.sleep(0)
        return obey(response, reference)


class InlineAsync(Inline):
    name, deadline_s = "odd_async", 0.5

    async def verify(self, response, reference, params=None):
        if response == "wait":
            await asyncio.sleep(1e9)
        await asyncio.sleep(0)
        return obey(response, reference)


class Sandboxed(Inline):
    """Fails as a sandbox does, until the file that the reference names exists."""

    name, isolation = "odd_sandboxed", "sandbox"
    calls = running = most = 0

    async def verify(self, response, reference, params=None):
        Sandboxed.calls += 1
        Sandboxed.running += 1
        Sandboxed.most = max(Sandboxed.most, Sandboxed.running)
        try:
            await asyncio.sleep(0.01)
            return flaky(Path(reference.value)) if response == "flaky" else obey(response, reference)
        finally:
            Sandboxed.running -= 1


class Blocking(Inline):
    """A sandbox verifier that is not async."""

    name, isolation = "odd_blocking", "sandbox"


class Composite(Inline):
    """Asks other verifiers, through the grader, while it is being judged itself."""

    name, isolation = "odd_composite", "sandbox"

    async def verify(self, response, reference, params=None):
        if response == "block":
            verify("odd_process", "0.125", {"value": "block"})
        inner = await asyncio.gather(
            averify("odd_process", response, {}), averify("odd_sandboxed", response, {"value": reference.value})
        )
        return all(verdict.score for verdict in inner)


class Forgetful(Inline):
    """`async` was forgotten on the outside."""

    name = "odd_forgetful"

    def verify(self, response, reference, params=None):
        return asyncio.sleep(0)


def unbuildable():
    raise ImportError("needs a library\nthat is missing")
