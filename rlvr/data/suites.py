"""The texts that decontamination and deduplication compare: those of a file's rows, and those of evaluation sets."""

from collections.abc import Sequence
from pathlib import Path

from rlvr.data import duplicates as by_rouge
from rlvr.data import minhash
from rlvr.data.duplicates import Of
from rlvr.data.forms import Row, asked, user_text
from rlvr.errors import UserError
from rlvr.tasks import rows
from rlvr.tasks.sources import FILE, load_examples, resolve


def rows_and_texts(path: Path) -> tuple[list[Row], list[str]]:
    """A file's rows as they are, and what users say in each. Raises UserError."""
    numbered = list(rows.from_file(path))
    return [dict(row) for _, row in numbered], [_asked(path, number, dict(row)) for number, row in numbered]


def _asked(path: Path, number: int, row: Row) -> str:
    try:
        return asked(row)
    except ValueError as error:
        raise UserError(f"{path}: row {number}: {error}") from None


def items(source: str) -> dict[str, str]:
    """Id -> text of an evaluation set: a task source in the data set's own words, or any file. Raises UserError."""
    found, where, _ = resolve(source)
    if found is FILE:
        path = Path(where).expanduser()
        found_rows, texts = rows_and_texts(path)
        named: dict[str, str] = {}
        for number, (row, text) in enumerate(zip(found_rows, texts, strict=True), start=1):
            name = str(row.get("id") or "")
            named[name if name and name not in named else f"row {number}"] = text
        return named
    examples = load_examples(source)
    return {e.task.id: e.question if e.question is not None else user_text(e.task.prompt) for e in examples}


def duplicates(method: str, texts: Sequence[str], threshold: float) -> list[Of]:
    """By the method of that name. Raises UserError."""
    if method == "exact":
        return by_rouge.exact(texts)
    if method == "rouge":
        return by_rouge.near(texts, threshold)
    if method == "minhash":
        return minhash.near(texts, threshold)
    raise UserError(f"method: expected exact, rouge or minhash, got {method!r}")
