"""A bench report as tables for a person."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from verifiers.bench.report import PeerReport, Report, Speed, Tally

WIDTH = 140
"""Of tables that go to a file."""
SHOWN = 20
"""Cases and probes that are printed; `--json` has all."""


def print_report(report: "Report") -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(f"{report.verifier} {report.version}, {report.total.cases} cases", style="bold")
    console.print(_totals(report))
    if len(report.categories) > 1:
        console.print(_categories(report))
    _wrong(console, report)
    _probes(console, report)


def _totals(report: "Report") -> Table:
    clock = report.speed.clock
    columns = ("right", "false +", "false -", "undecided", "errors", f"a {clock} s", "p50 ms", "p99 ms", "slowest ms")
    table = Table("", *columns, box=None, header_style="bold")
    table.add_row(report.verifier, *_figures(report.total, report.speed))
    for label, peer in report.peers.items():
        table.add_row(label, *_figures(peer.total, peer.speed), style="dim")
    return table


def _figures(tally: "Tally", speed: "Speed") -> list[str]:
    counts = (tally.false_positives, tally.false_negatives, tally.undecided, tally.errors)
    times = (f"{speed.p50_ms:.3f}", f"{speed.p99_ms:.2f}", f"{speed.slowest_ms:.1f}")
    return [f"{tally.accuracy:.1%}", *map(str, counts), f"{speed.per_s:,.0f}", *times]


def _categories(report: "Report") -> Table:
    peers: dict[str, PeerReport] = report.peers
    table = Table("category", "cases", report.verifier, *peers, box=None, header_style="bold")
    for name, tally in report.categories.items():
        theirs = [peer.categories[name] for peer in peers.values()]
        row = [f"{one.right}{_signs(one)}" for one in (tally, *theirs)]
        behind = any(other.right > tally.right for other in theirs)
        table.add_row(name, str(tally.cases), *row, style="red" if behind else "")
    return table


def _signs(tally: "Tally") -> str:
    """`(+1 -2)`: one false positive, two false negatives."""
    parts = [f"{sign}{count}" for sign, count in (("+", tally.false_positives), ("-", tally.false_negatives)) if count]
    return f" ({' '.join(parts)})" if parts else ""


def _wrong(console: Console, report: "Report") -> None:
    for case in report.wrong[:SHOWN]:
        console.print(
            f"[red]{escape(case.category)}[/red] {escape(case.id)}: expected {case.expected:g}, got {case.status}"
            f" ({escape(case.reason)}) for {escape(repr(case.response))} against {escape(repr(case.reference))}",
            soft_wrap=True,
        )
    if len(report.wrong) > SHOWN:
        console.print(f"and {len(report.wrong) - SHOWN} more; --json has them all")


def _probes(console: Console, report: "Report") -> None:
    if not report.probes:
        return
    console.print(f"hack probes: {report.probes - len(report.paid)} of {report.probes} got nothing")
    for probe in report.paid[:SHOWN]:
        console.print(
            f"[red]paid {probe.score}[/red] for {escape(probe.probe)}: {escape(repr(probe.response))}"
            f" against {escape(repr(probe.reference))}",
            soft_wrap=True,
        )
