"""Three families of small problems from a seeded generator, in the image of Tulu 3's RLVR mix.

- `math`: integer arithmetic with carried columns, checked by the math verifier;
- `code`: find the line through two points and write it as a function, run on hidden inputs by the code verifier;
- `instructions`: say a made-up word so many times, in a given form, checked by the instructions verifier.

A problem has a `key` that names the underlying instance. Training and held-out problems are split by a hash of the key
alone, so that they differ in the problem itself and not only in its wording, and they are disjoint by construction.

Demonstrations come from a *weak teacher*: with probability `slip` it makes the family's systematic mistake (drops a
carry, forgets the intercept, miscounts), as machine-made instruction data do. Imitation learns the mistakes too; a
verifier can tell them apart. What this shows is a verifier removing a weak teacher's errors, and no more than that.
"""

import hashlib
import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from rlvr.config import Family
from rlvr.data.templates import Template
from verifiers import Task

Split = Literal["train", "validation", "held_out"]

SPLITS: tuple[Split, ...] = ("validation", "held_out", *("train",) * 6)
"""Where the hash of a key falls: an eighth each for picking a checkpoint and for the final judgement."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One instance, with the teacher's right and slipped demonstrations."""

    family: Family
    key: str
    template: Template
    """How the problem is put, in FLAN's manner; `fields` fill its holes."""
    fields: dict[str, Any]
    reference: Any
    right: str
    slipped: str

    @property
    def prompt(self) -> str:
        return self.told("")[0]

    def told(self, answer: str) -> tuple[str, str]:
        """Prompt and answer in the words of the template."""
        return self.template.fill({**self.fields, "answer": answer})

    @property
    def split(self) -> Split:
        digest = hashlib.blake2b(f"{self.family}:{self.key}".encode(), digest_size=4).digest()
        return SPLITS[int.from_bytes(digest) % len(SPLITS)]

    def task(self) -> Task:
        name = hashlib.blake2b(f"{self.key}|{self.prompt}".encode(), digest_size=5).hexdigest()
        return Task(
            id=f"{self.family}-{name}",
            prompt=[{"role": "user", "content": self.prompt}],
            verifier=self.family,
            reference=self.reference,
            source=f"procedural:{self.family}",
        )


SUM = Template(input="What is {a} {sign} {b}?")
LINE = Template(input="Write f: f(0)={zero}, f(100)={hundred}")


def arithmetic(rng: random.Random) -> Problem:
    """The sum or difference of two-digit numbers, worked column by column."""
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    if rng.random() < 0.5:
        total, steps, sign = a + b, (_add(a, b, carry=True), _add(a, b, carry=False)), "+"
    else:
        a, b = max(a, b), min(a, b)
        total, steps, sign = a - b, (_subtract(a, b, borrow=True), _subtract(a, b, borrow=False)), "-"
    return Problem(
        "math", f"{a}{sign}{b}", SUM, {"a": a, "sign": sign, "b": b}, str(total), _boxed(*steps[0]), _boxed(*steps[1])
    )


def _add(a: int, b: int, carry: bool) -> tuple[str, int]:
    units = a % 10 + b % 10
    carried = int(carry and units > 9)
    tens = a // 10 + b // 10 + carried
    return f"{a % 10}+{b % 10}={units}\n{a // 10}+{b // 10}+{carried}={tens}", tens * 10 + units % 10


def _subtract(a: int, b: int, borrow: bool) -> tuple[str, int]:
    short = int(a % 10 < b % 10)
    units = a % 10 - b % 10 + 10 * short
    borrowed = int(borrow and short)
    tens = a // 10 - b // 10 - borrowed
    return f"{a % 10 + 10 * short}-{b % 10}={units}\n{a // 10}-{b // 10}-{borrowed}={tens}", tens * 10 + units


def _boxed(work: str, answer: int) -> str:
    return f"{work}\n\\boxed{{{answer}}}"


def line(rng: random.Random) -> Problem:
    """The function `f(x) = a*x + b` from two of its points; judged on these and on hidden ones."""
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    inputs = [[0], [100], [1], [7], [10], [-3]]
    return Problem(
        "code",
        f"{a}*x+{b}",
        LINE,
        {"zero": b, "hundred": 100 * a + b},
        {"inputs": inputs, "outputs": [a * x + b for [x] in inputs], "fn_name": "f"},
        _program(a, b, f"{a}*x+{b}"),
        _program(a, b, f"{a}*x"),
    )


def _program(a: int, b: int, expression: str) -> str:
    return f"{100 * a + b}-{b}={100 * a}\n```python\ndef f(x):\n    return {expression}\n```"


def repeated_word(rng: random.Random) -> Problem:
    """Say a word exactly n times, plainly, as a bullet list, or in quotation marks; the slip is one too many."""
    word = "".join(rng.choices(string.ascii_lowercase, k=2))
    times = rng.randint(2, 5)
    form = rng.choice(sorted(FORMS))
    wording, constraint, write = FORMS[form]
    constraints = [
        ("keywords:frequency", {"keyword": word, "frequency": times, "relation": "at least"}),
        ("keywords:frequency", {"keyword": word, "frequency": times + 1, "relation": "less than"}),
        ("length_constraints:number_words", {"num_words": times + 1, "relation": "less than"}),
        *constraint(times),
    ]
    return Problem(
        "instructions",
        word,
        wording,
        {"word": word, "times": times},
        {"instruction_id_list": [name for name, _ in constraints], "kwargs": [kwargs for _, kwargs in constraints]},
        write(word, times),
        write(word, times + 1),
    )


Constraint = tuple[str, dict[str, Any]]

FORMS: dict[str, tuple[Template, Callable[[int], list[Constraint]], Callable[[str, int], str]]] = {
    "plain": (
        Template(input="Say {word} {times} times."),
        lambda _: [("punctuation:no_comma", {})],
        lambda w, n: " ".join([w] * n),
    ),
    "bullets": (
        Template(input="List {word} {times} times."),
        lambda n: [("detectable_format:number_bullet_lists", {"num_bullets": n})],
        lambda w, n: "\n".join([f"* {w}"] * n),
    ),
    "quoted": (
        Template(input="Quote {word} {times} times."),
        lambda _: [("startend:quotation", {})],
        lambda w, n: '"' + " ".join([w] * n) + '"',
    ),
}

FAMILIES: dict[Family, Callable[[random.Random], Problem]] = {
    "math": arithmetic,
    "code": line,
    "instructions": repeated_word,
}
Shares = Mapping[Family, int]
EQUAL: Shares = dict.fromkeys(FAMILIES, 1)


def problems(seed: int, split: Split, family: Family | None = None, shares: Shares = EQUAL) -> Iterator[Problem]:
    """An endless stream of one split: of one family, or of all in their shares."""
    rng = random.Random(f"{seed}/{split}/{family}")
    names = [family] if family else [name for name in sorted(shares) for _ in range(shares[name])]
    while True:
        for name in names:
            problem = FAMILIES[name](rng)
            while problem.split != split:
                problem = FAMILIES[name](rng)
            yield problem


def distinct(seed: int, split: Split, count: int, family: Family) -> list[Task]:
    """`count` tasks of one family, no id twice."""
    tasks: dict[str, Task] = {}
    for problem in islice(problems(seed, split, family), 1000 * count):
        task = problem.task()
        tasks.setdefault(task.id, task)
        if len(tasks) == count:
            return list(tasks.values())
    raise ValueError(f"the {family} family has fewer than {count} {split} tasks; it gave {len(tasks)}")


def demonstrations(seed: int, count: int, slip: float, shares: Shares = EQUAL) -> Iterator[dict[str, Any]]:
    """Rows `{"messages": [user, assistant]}` of the weak teacher, who slips with probability `slip`."""
    rng = random.Random(f"{seed}/teacher")
    for problem in islice(problems(seed, "train", shares=shares), count):
        prompt, answer = problem.told(problem.slipped if rng.random() < slip else problem.right)
        yield {
            "messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}],
            "source": f"weak-teacher:{problem.family}",
        }
