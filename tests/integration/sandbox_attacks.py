"""Carry out attacks on a sandbox: ours (attacks.txt), and a corpus of files; `# check:` lines say what must hold.

Each prints ESCAPED when it got something that it must not have. Run as a script (by the tests, under another user) this
prints what came of them as JSON lines. Imports the sandbox alone.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

OURS = Path(__file__).parent / "attacks.txt"
_WALL_S = 2.0
_AT_ONCE = 2
_LATEST_S = 4.0
"""How long after its deadline an attack may still come back, on a busy machine."""
_READY_S = {"process": 0.0, "docker": 10.0}
"""How long it may wait before its start until there is a container, on a busy machine."""
_ENOUGH_S = 30.0
"""For one that must end in a certain way before its deadline, on a busy machine too."""


class Finding(NamedTuple):
    """What came of one attack, and what is wrong with that."""

    name: str
    status: str
    faults: list[str]
    output: str


def carry_out(sandbox: Any, name: str, code: str, rules: dict[str, str]) -> Finding:
    """Run one attack and hold it to its rules: those of the corpus' headers."""
    from sandbox import Limits, RunRequest

    fetch = [rules["fetch"]] if "fetch" in rules else []
    stdin = b"x" * int(rules.get("stdin", "0"))
    ends = "status" in rules and "timeout" not in rules["status"]
    limits = Limits(wall_s=_ENOUGH_S if ends else _WALL_S)
    longest = min(float(rules.get("wall", "99")), limits.wall_s + _LATEST_S)
    request = RunRequest(rules.get("language", "python"), code, stdin=stdin, fetch=fetch, limits=limits)
    faults: list[str] = []
    for _ in range(int(rules.get("repeat", "1"))):
        start = time.monotonic()
        result = sandbox.run(request)
        took = max(result.wall_s, time.monotonic() - start - _READY_S[sandbox.backend])
        if took > longest:
            faults.append(f"took {took:.1f} s")
        if rules.get("no", "ESCAPED") in result.stdout:
            faults.append("escaped")
        if result.status not in rules.get("status", result.status).split("|") or result.status == "sandbox_error":
            faults.append(f"status {result.status}")
        if rules.get("has", "") not in result.stdout:
            faults.append(f"no {rules['has']} in the output")
        if result.files:
            faults.append("a file came back")
    return Finding(name, result.status, faults, (result.stdout + result.stderr)[-600:])


def carry_out_all(sandbox: Any, attacks: dict[str, tuple[str, dict[str, str]]], repeats: int) -> Iterator[Finding]:
    """All of them so many times, two at once: what one does must not show in the other."""
    every = [(name, *attack) for _ in range(repeats) for name, attack in attacks.items()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda attack: carry_out(sandbox, *attack), every)


def rules_of(code: str) -> dict[str, str]:
    """What the line `# check: ...` asks for, if there is one."""
    header = re.search(r"^# check: (.*)$", code, re.MULTILINE)
    return dict(re.split("[=<]", rule, maxsplit=1) for rule in (header[1] if header else "").split(",") if rule)


def ours() -> dict[str, tuple[str, dict[str, str]]]:
    """Name -> program and rules, of attacks.txt: sections that begin with `=== name`."""
    sections = re.split(r"^=== (\w+)\n", OURS.read_text(), flags=re.MULTILINE)[1:]
    return {name: (code, rules_of(code)) for name, code in zip(sections[::2], sections[1::2], strict=True)}


def corpus(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Name -> program and rules, of a folder of attacks with `# check:` headers."""
    return {file.stem: (code, rules_of(code)) for file in sorted(folder.glob("*.py")) for code in [file.read_text()]}


def everything(folder: Path | None) -> dict[str, tuple[str, dict[str, str]]]:
    return ours() | (corpus(folder) if folder else {})


def main() -> None:
    """argv: folder of the corpus, or "-"; how often each is carried out; for Docker its mode and its URL."""
    from sandbox import SandboxUnavailable, open_sandbox

    docker = dict(zip(("mode", "url"), sys.argv[3:], strict=False))
    try:
        sandbox = open_sandbox("docker" if docker else "process", parallel=_AT_ONCE, **docker)
    except SandboxUnavailable as error:
        print(json.dumps({"unavailable": str(error)}))
        return
    with sandbox:
        folder = None if sys.argv[1] == "-" else Path(sys.argv[1])
        for finding in carry_out_all(sandbox, everything(folder), int(sys.argv[2])):
            print(json.dumps(finding), flush=True)


if __name__ == "__main__":
    main()
