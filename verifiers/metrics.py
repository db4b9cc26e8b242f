"""The service's counters in Prometheus' text format (version 0.0.4).

A metric is a number by series name, `rlvr_verdicts_total{status="correct",verifier="math"}`, so that processes that
share a port can add theirs up: each leaves its numbers in a shared folder, and whichever is asked answers for all.
"""

import contextlib
import json
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)
FAMILIES = {
    "rlvr_verdicts_total": ("counter", "Verdicts by verifier and status."),
    "rlvr_verify_seconds": ("histogram", "Time to judge one response, by verifier; cached verdicts left out."),
    "rlvr_cache_hits_total": ("counter", "Verdicts that came from the cache."),
    "rlvr_workers_total": ("counter", "Worker processes by event: started, killed (deadline), died."),
    "rlvr_retries_total": ("counter", "Items judged once more because a worker died."),
    "rlvr_runs_total": ("counter", "Programs run as asked, not judged, by status."),
    "rlvr_items_total": ("counter", "Items judged by name of the key."),
    "rlvr_requests_total": ("counter", "Requests by route and HTTP status."),
    "rlvr_items_admitted": ("gauge", "Items in the service just now."),
    "rlvr_items_waiting": ("gauge", "Items that wait for a worker process just now."),
    "rlvr_requests_waiting": ("gauge", "Requests that wait for room just now."),
}


def series(name: str, **labels: str) -> str:
    """The name of one series, its labels sorted and escaped."""
    pairs = (f'{key}="{_escape(value)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{','.join(pairs)}}}" if labels else name


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class Metrics:
    """The numbers of this process, and on request of its siblings. `folder` is where they share them."""

    def __init__(self, folder: Path | None = None) -> None:
        self._numbers: defaultdict[str, float] = defaultdict(float)
        self._folder = folder
        self.shared = folder is not None

    def count(self, name: str, **labels: str) -> None:
        self._numbers[series(name, **labels)] += 1

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add a duration to a histogram."""
        for bound in [*BUCKETS_S[bisect_left(BUCKETS_S, seconds) :], "+Inf"]:
            self.count(f"{name}_bucket", le=str(bound), **labels)
        self._numbers[series(f"{name}_sum", **labels)] += seconds
        self.count(f"{name}_count", **labels)

    def share(self, current: Mapping[str, float]) -> None:
        """Leave the numbers, with those that somebody else counts, where the siblings find them."""
        if self._folder:
            target = self._folder / f"{os.getpid()}.json"
            target.with_suffix(".new").write_text(json.dumps(dict(self._numbers) | dict(current)))
            target.with_suffix(".new").replace(target)

    def text(self, current: Mapping[str, float]) -> str:
        """The exposition. A sibling that has ended keeps its counters, so that none goes backwards, not its gauges."""
        totals = defaultdict(float, dict(self._numbers) | dict(current))
        for file in self._folder.glob("*.json") if self._folder else ():
            if file.stem == str(os.getpid()):
                continue
            with contextlib.suppress(OSError):
                for name, value in json.loads(file.read_text()).items():
                    if Path(f"/proc/{file.stem}").exists() or FAMILIES.get(name.partition("{")[0], ("",))[0] != "gauge":
                        totals[name] += value
        return "".join(_family(name, totals.items()) for name in FAMILIES)


def _family(name: str, totals: Iterable[tuple[str, float]]) -> str:
    kind, about = FAMILIES[name]
    suffixes = {f"{name}{suffix}" for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}
    lines = [f"{label} {value:.10g}" for label, value in sorted(totals) if label.partition("{")[0] in suffixes]
    return "\n".join([f"# HELP {name} {about}", f"# TYPE {name} {kind}", *lines, ""])
