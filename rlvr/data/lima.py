"""LIMA (Zhou et al. 2023, arXiv 2305.11206): a thousand examples, each chosen with care.

The filters of form are the published ones: answers of 1,200 to 4,096 characters, with a score of at least 10 where the
community votes, not in the first person, without reference to other answers; links, images and markup but lists and
code taken out. Kinds within a source are drawn with temperature 3 (the 75 and 99 exchanges) or evenly (of articles).
What people did by hand, the choice among what is left, is done here by quality and diversity (`choosing.py`); a column
`quality`, from a judge or a reward model, goes before the simple measures of this file. Leaves out: writing the 250
examples of the authors.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from rlvr.config import Location, Section
from rlvr.data import choosing
from rlvr.data.recipe import DataConfig, Done, Recipe
from rlvr.data.record import Record
from rlvr.data.rouge import words
from rlvr.data.stage import Barrier, Each, Stage
from rlvr.errors import UserError
from rlvr.tasks import rows

FIRST_PERSON = re.compile(r"\b(I|I'm|I've|I'd|I'll|my|mine|me|myself)\b")
REFERENCES = re.compile(
    r"\b(?:as mentioned|stack ?(?:exchange|overflow)|(?:other|accepted|previous|above|below) (?:answer|post|comment)s?|"
    r"(?:answer|comment|post)s? (?:above|below)|OP)\b|@\w+",
    re.IGNORECASE,
)
CODE_BLOCK = re.compile(r"<pre[^>]*>\s*(?:<code[^>]*>)?(.*?)(?:</code>)?\s*</pre>", re.DOTALL | re.IGNORECASE)
ARTICLE = re.compile(r"^(this|the) (article|wikihow|guide)\b", re.IGNORECASE)


TEMPERATURES = {"community": 3.0, "article": math.inf, "curated": 3.0}


class Source(Section):
    """Questions and answers of one origin."""

    path: Location
    """JSONL or Parquet: `title` or `question`, `answer`; if there are, `body`, `score`, `category`, `quality`."""
    quota: PositiveInt
    """Examples to choose."""
    kind: Literal["community", "article", "curated"]
    """`community`: answers with votes. `article`: how-to articles. `curated`: already chosen with care."""
    temperature: PositiveFloat | None = None
    """How evenly its categories are drawn from: 1 is by their size. By default 3, and of articles all alike."""
    min_score: int = 10
    """Of a community's answer."""
    licence: str = ""


class LimaConfig(DataConfig):
    """What `rlvr data lima` makes."""

    sources: Annotated[dict[str, Source], Field(min_length=1)]
    min_chars: PositiveInt = 1200
    max_chars: PositiveInt = 4096
    dev: NonNegativeInt = 50
    """Examples chosen on top of the quotas and put into a file of their own, to pick a checkpoint by hand."""


class Lima(Recipe):
    name: ClassVar[str] = "lima"
    version: ClassVar[str] = "2"
    Config: ClassVar[type[DataConfig]] = LimaConfig

    def round(self, done: Done) -> Sequence[Stage]:
        if done.rounds:
            return ()
        return (
            Barrier("read", partial(read, self.config)),
            Each("clean", partial(clean, self.config)),
            Barrier("choose", partial(chosen, self.config)),
        )

    def files(self, done: Done) -> Mapping[str, Iterable[Record]]:
        found = {name: [record for record in done.kept if record["split"] == name] for name in ("train", "dev")}
        return {name: records for name, records in found.items() if records}


def read(config: LimaConfig, _: Sequence[Record], random: Random) -> Iterable[Record]:
    """Every row of every source."""
    for name, source in config.sources.items():
        for number, row in rows.from_file(source.path):
            content = _content(f"{source.path}: row {number}", row)
            yield Record({"origin": name, **content}, source=name, licence=source.licence)


def _content(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    title, answer, body = row.get("title") or row.get("question"), row.get("answer"), row.get("body")
    if not isinstance(title, str) or not isinstance(answer, str):
        raise UserError(f"{where}: expected title or question, and answer; got {', '.join(row)}")
    if not isinstance(body, str | None):
        raise UserError(f"{where}: expected a text `body`, got {rows.short(body)}")
    numbers = {name: row.get(name) for name in ("score", "quality")}
    for name, number in numbers.items():
        if number is not None and not (type(number) in (int, float) and math.isfinite(number)):
            raise UserError(f"{where}: expected a number `{name}`, got {rows.short(number)}")
    return {"title": title, "answer": answer, "category": str(row.get("category") or ""), "body": body, **numbers}


def clean(config: LimaConfig, record: Record, random: Random) -> Iterable[Record]:
    """The example as a conversation with its quality; rejected by the first filter that it does not pass."""
    source = config.sources[record["origin"]]
    answer, body = without_markup(record["answer"]), without_markup(record["body"] or "")
    prompt = record["title"] if source.kind != "community" or not body or random.random() < 0.5 else body
    if source.kind == "article":
        answer = ARTICLE.sub("The following answer", answer)
    messages = [{"role": "user", "content": prompt.strip()}, {"role": "assistant", "content": answer}]
    names = ("origin", "category")
    found = record.child("clean", messages=messages, **{name: record[name] for name in names})
    if source.kind == "community":
        score = record["score"] or 0
        found = found.check("score", score >= source.min_score, score, source.min_score)
        found = _absent(found, "first person", FIRST_PERSON, answer)
        found = _absent(found, "reference to other answers", REFERENCES, answer)
    if source.kind != "curated":
        window = [config.min_chars, config.max_chars]
        found = found.check("length", window[0] < len(answer) < window[1], len(answer), window)
    given = record["quality"]
    yield found.update(quality=float(given) if given is not None else quality(prompt, answer))


def _absent(record: Record, name: str, pattern: re.Pattern[str], text: str) -> Record:
    hit = pattern.search(text)
    return record.check(name, hit is None, hit and hit[0])


def without_markup(text: str) -> str:
    """Without links, images and tags; lists and code become Markdown."""
    text = CODE_BLOCK.sub(r"\n```\n\1\n```\n", text)
    text = re.sub(r"<code[^>]*>(.*?)</code>", r"`\1`", text, flags=re.S | re.I)
    text = re.sub(r"<li[^>]*>\s*", "\n- ", text, flags=re.I)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?(?:p|div|br|ul|ol|h\d)[^>]*>", "\n", text, flags=re.I)
    text = re.sub(r"</?[a-z][^<>]*>", "", text, flags=re.I)
    text = re.sub(r"https?://\S+", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def quality(prompt: str, answer: str) -> float:
    """In (0, 1]: how much of the prompt the answer takes up, how varied its words are, how it is laid out."""
    asked, said = set(words(prompt)), words(answer)
    covered = len(asked & set(said)) / len(asked) if asked else 0.0
    varied = len(set(said)) / len(said) ** 0.75 if said else 0.0
    paragraphs = min(1.0, answer.count("\n\n") / 3)
    lists = min(1.0, len(re.findall(r"^(?:[-*] |\d+\. |```)", answer, re.MULTILINE)) / 3)
    whole = float(answer.rstrip().endswith((".", "!", "?", "```", ")", ":")))
    return 0.05 + 0.95 * (0.3 * covered + 0.3 * min(1.0, varied / 3) + 0.15 * paragraphs + 0.1 * lists + 0.15 * whole)


def chosen(config: LimaConfig, records: Sequence[Record], random: Random) -> Iterable[Record]:
    """Exactly the quota of each source, and the examples set apart; the others rejected as not chosen."""
    # In proportion to the quotas, which do not bound it: these come on top.
    dev = choosing.allocate({name: source.quota * config.dev for name, source in config.sources.items()}, config.dev, 1)
    near = choosing.vectors(
        [record["messages"][0]["content"] + "\n" + record["messages"][1]["content"] for record in records]
    )
    splits: dict[int, str] = {}
    for name, source in config.sources.items():
        mine = [i for i, record in enumerate(records) if record["origin"] == name]
        picked = _of_source(name, source, records, near, mine, dev[name])
        apart = set(random.sample(picked, dev[name]))
        splits |= {i: "dev" if i in apart else "train" for i in picked}
    for i, record in enumerate(records):
        yield record.update(split=splits.get(i)).check("chosen", i in splits, record["quality"])


def _of_source(
    name: str, source: Source, records: Sequence[Record], near: Any, mine: Sequence[int], dev: int
) -> list[int]:
    """The quota and `dev` more of a source's examples: of each category its share, the best and most different."""
    kinds: dict[str, list[int]] = {}
    for i in mine:
        kinds.setdefault(records[i]["category"], []).append(i)
    temperature = source.temperature or TEMPERATURES[source.kind]
    try:
        shares = choosing.allocate({kind: len(found) for kind, found in kinds.items()}, source.quota + dev, temperature)
    except UserError as error:
        raise UserError(
            f"sources.{name}: {error}, for a quota of {source.quota} and {dev} for dev; lower these, or bring more"
        ) from None
    worth = dict(zip(mine, choosing.ranks([records[i]["quality"] for i in mine]), strict=True))
    picked = []
    for kind, found in sorted(kinds.items()):
        best = choosing.choose([worth[i] for i in found], near[found], shares[kind])
        picked += [found[i] for i in best]
    return picked
