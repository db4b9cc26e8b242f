"""`rlvr data export | mix | decontaminate | dedup`: tools for data sets that are there already, ours or anybody's."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlvr.commands.stages import ANY_OPTION, Config, Overrides, user_errors

if TYPE_CHECKING:
    from rlvr.data.decontaminate import Report

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="JSONL or Parquet, or a run directory with one.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write what stays here (.jsonl or .parquet).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def add_to(app: typer.Typer) -> None:
    """Make these commands of `app`."""
    app.command()(export)
    app.command(context_settings=ANY_OPTION)(mix)
    app.command()(decontaminate)
    app.command()(dedup)


def export(
    source: FileArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; .jsonl or .parquet.")],
    to: Annotated[str, typer.Option("--to", help="sft, prompt-completion, dpo, grpo (TRL's), or tulu-rlvr.")],
) -> None:
    """Write a data set in a trainer's format, with a manifest beside it."""
    with user_errors():
        from rlvr.data.export import export as write_as

        found = write_as(source, to, out)
        typer.echo(f"{out}: {found['rows']:,} rows, {', '.join(found['columns'])}")


def mix(config: Config, overrides: Overrides = None) -> None:
    """Mix data sets by fraction, count or repeat, with a manifest that says what was taken of each."""
    with user_errors():
        from rlvr.data import export as files
        from rlvr.data.mix import Mixture, shares
        from rlvr.data.mix import mix as mixed
        from rlvr.settings import load

        mixture = load.load(Mixture, Path(config), overrides or [])
        form, rows, taken = mixed(mixture)
        path = mixture.out / "mixture.jsonl"
        files.write(path, rows)
        files.manifest(path, rows, form=form, seed=mixture.seed, parts=taken)
        for name, share in shares(taken).items():
            typer.echo(f"{share:7.2%}  {taken[name]['taken']:>9,} of {taken[name]['rows']:,}  {name}")
        typer.echo(f"{path}: {len(rows):,} {form}s")


def decontaminate(
    source: FileArgument,
    against: Annotated[
        list[str], typer.Option("--against", metavar="SOURCE", help="Evaluation set: a task source or a file. Repeat.")
    ],
    out: OutOption = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write counts and offending pairs as JSON.")] = None,
    ngram: Annotated[int, typer.Option(min=1, help="Words in a row that must agree.")] = 8,
    threshold: Annotated[float, typer.Option(help="Share of an item's words that may be found in one row.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Find the rows that repeat evaluation items, and write the others."""
    with user_errors():
        from rlvr.data import export as files
        from rlvr.data import suites
        from rlvr.data.decontaminate import Index

        path = files.file_of(source)
        rows, texts = suites.rows_and_texts(path)
        items = {name: suites.items(name) for name in against}
        index = Index({name: list(found.values()) for name, found in items.items()}, ngram, threshold)
        found = index.report(texts)
        summary = {"file": str(path), "sha256": files.sha256(path), **found.summary()}
        if report:
            report.write_text(json.dumps({**summary, "pairs": _pairs(found, rows, items)}, indent=2) + "\n")
        if out:
            kept = [row for number, row in enumerate(rows) if number not in found.flagged]
            files.write(out, kept)
            files.manifest(out, kept, decontamination=summary)
        typer.echo(json.dumps(summary) if as_json else _told(found))


def _told(report: "Report") -> str:
    lines = [
        f"{name}: {suite['contaminated_items']:,} of {suite['items']:,} items ({suite['contaminated_share']:.2%}) "
        f"are repeated by {suite['documents']:,} rows"
        for name, suite in report.summary()["suites"].items()
    ]
    return "\n".join([*lines, f"to remove: {len(report.flagged):,} of {report.documents:,} rows"])


def _pairs(report: "Report", rows: list[dict[str, Any]], items: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Every hit, by the ids or row numbers of both."""
    names = {name: list(found) for name, found in items.items()}
    return [
        {
            "suite": name,
            "item": names[name][hit.item],
            "row": hit.document + 1,
            "id": rows[hit.document].get("id"),
            "share": round(hit.share, 4),
        }
        for name, suite in report.suites.items()
        for hit in suite.hits
    ]


def dedup(
    source: FileArgument,
    out: OutOption = None,
    method: Annotated[str, typer.Option(help="exact, rouge, or minhash for more than 100,000 rows.")] = "rouge",
    threshold: Annotated[float, typer.Option(help="Rows more similar than this are duplicates.")] = 0.7,
    as_json: JsonOption = False,
) -> None:
    """Find rows whose user turns repeat those of an earlier row, and write the others."""
    with user_errors():
        from rlvr.data import export as files
        from rlvr.data import suites

        path = files.file_of(source)
        rows, texts = suites.rows_and_texts(path)
        found = suites.duplicates(method, texts, threshold)
        kept = [row for row, of in zip(rows, found, strict=True) if of is None]
        settings = {"method": method, "threshold": None if method == "exact" else threshold}
        summary = {"file": str(path), "rows": len(rows), "kept": len(kept), **settings}
        if out:
            files.write(out, kept)
            files.manifest(out, kept, deduplication=summary)
        typer.echo(json.dumps(summary) if as_json else f"{len(rows):,} rows, {len(rows) - len(kept):,} duplicates")
