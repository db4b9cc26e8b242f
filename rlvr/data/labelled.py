"""Labelled data sets as the FLAN recipes take them: rows of named fields, a cluster, and templates for them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from rlvr.config import Section
from rlvr.data.templates import OPTIONS, SETS, Template
from rlvr.errors import UserError
from rlvr.tasks import rows
from rlvr.tasks.sources import SOURCES, load_examples

Fields = Mapping[str, Any]


class Labelled(Section):
    """A data set, its cluster, and the templates that turn its rows into instructions."""

    path: str
    """A JSONL, JSON, Parquet or TSV file; or a task source with gold answers, such as `gsm8k` or `math:PATH`.
    A task source has the fields `question`, `answer` (the gold response), `final`, `verifier` and `reference`."""
    cluster: str
    """What kind of task it is. Whole clusters are held out."""
    templates: str | tuple[Template, ...]
    """The name of a set of ours, or templates of your own."""
    columns: tuple[str, ...] = ()
    """Names for the columns of a TSV file, which has no header."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Field of the templates -> column of the file, where the names differ."""
    options: tuple[str, ...] = ()
    """The answers to choose from. An `answer` that is a number is the place of one. A column `options` goes before."""
    licence: str = ""

    def patterns(self) -> tuple[Template, ...]:
        """Raises UserError for a set that is not there."""
        if not isinstance(self.templates, str):
            return self.templates
        if self.templates not in SETS:
            raise UserError(f"templates: expected one of {', '.join(SETS)}, or a list; got {self.templates!r}")
        return SETS[self.templates]

    def read(self, limit: int | None = None) -> list[Fields]:
        """Its rows as fields, at most `limit`. Raises UserError for one that some template cannot use."""
        holes = set().union(*(template.holes for template in self.patterns())) - {OPTIONS}
        needs_options = any(template.names_options for template in self.patterns())
        found = []
        for where, row in self._rows():
            fields = self._fields(where, row)
            missing = sorted(name for name in holes if fields.get(name) in (None, ""))
            if missing or (needs_options and not fields.get("options")):
                raise UserError(
                    f"{where}: no {', '.join(missing) or 'options'}, which a template needs; got {', '.join(row)}"
                )
            found.append(fields)
            if limit is not None and len(found) == limit:
                break
        return found

    def _fields(self, where: str, row: Mapping[str, Any]) -> Fields:
        fields = dict(row) | {name: row.get(column) for name, column in self.rename.items()}
        fields["options"] = options = list(fields.get("options") or self.options)
        answer = fields.get("answer")
        if options and isinstance(answer, int) and not isinstance(answer, bool):
            if not 0 <= answer < len(options):
                raise UserError(f"{where}: answer {answer} is no place among {len(options)} options")
            fields["answer"] = options[answer]
        return fields

    def _rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if self.path.partition(":")[0].partition("@")[0] in SOURCES:
            yield from self._examples()
            return
        path = Path(self.path).expanduser()
        numbered = tsv(path, self.columns) if path.suffix == ".tsv" else rows.from_file(path)
        yield from ((f"{path}: row {number}", row) for number, row in numbered)

    def _examples(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for example in load_examples(self.path):
            if example.gold is None:
                raise UserError(
                    f"{self.path}: FLAN needs labelled data, and task {example.task.id} has no gold response"
                )
            task = example.task
            final = task.reference if isinstance(task.reference, str) else example.gold
            checked = {"verifier": task.verifier, "reference": task.reference}
            yield example.where, {"question": example.question, "answer": example.gold, "final": final, **checked}


def tsv(path: Path, columns: tuple[str, ...]) -> Iterator[rows.NumberedRow]:
    """Rows of a TSV file without a header and without quoting. Raises UserError."""
    if not columns:
        raise UserError(f'{path}: a TSV file needs names for its columns; write columns = ["question", "answer"]')
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        values = line.removesuffix("\r").split("\t")
        if values == [""]:
            continue
        if len(values) != len(columns):
            raise UserError(f"{path}: row {number}: expected {len(columns)} columns, got {len(values)}")
        yield number, dict(zip(columns, values, strict=True))
