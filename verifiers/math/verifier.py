"""The `math` verifier: is the final answer of a response mathematically equal to the reference?

`fast` decides all but what only SymPy can: infinite and symbolic sums, integrals, limits. Its work is bounded by size
limits, not by a clock, so it may run in any thread. `verify` adds SymPy, whose work nothing bounds: run it where it can
be killed.
"""

import math
import re
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifiers.base import Verdict
from verifiers.math.boxes import Found
from verifiers.math.compare import equivalent
from verifiers.math.extract import extract
from verifiers.math.nodes import Node, contains
from verifiers.math.params import MathParams
from verifiers.math.reading import MAX_LENGTH, Answer, read
from verifiers.math.scalar import SYMBOLIC, Outcome
from verifiers.math.words import same_words

_MARKED = re.compile(r"####|\\\\?(?:boxed|fbox)(?![A-Za-z])|\bfinal answer is\b")


_OPEN_BOX = re.compile(r"^.*\\\\?(?:boxed|fbox)\s*\{", re.S)
"""Of a reference that was cut off: what the box began with is still the answer."""


class MathReference(BaseModel):
    """`"1/2"`, `0.5` or `{"answer": "1/2"}`, LaTeX or plain. A solution text with a box or `#### 12` will do too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str = Field(min_length=1, pattern=r"\S")

    @model_validator(mode="before")
    @classmethod
    def _shapes(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            value = {"answer": value}
        answer = value.get("answer")
        if isinstance(answer, bool) or not isinstance(answer, (int, float)):
            return value
        if not math.isfinite(answer):
            raise ValueError(f"expected a finite number or a text as the answer, got {answer!r}")
        return {
            **value,
            "answer": str(answer) if abs(answer) < 10**18 else format(answer, "d" if isinstance(answer, int) else "g"),
        }

    @property
    def final(self) -> str:
        """The answer itself, taken out of a solution text."""
        found = self._found
        return self.answer if found is None else found.text or _OPEN_BOX.sub("", self.answer)

    @property
    def percent(self) -> bool:
        """A percent sign stands behind the box of a solution text."""
        return self._found is not None and self._found.percent

    @cached_property
    def _found(self) -> Found | None:
        return extract(self.answer) if _MARKED.search(self.answer) else None


class MathVerifier:
    """Equality of mathematical answers, by exact arithmetic before anything else."""

    name = "math"
    version = "1.2.0"
    isolation = "process"
    preload = ("sympy", "mpmath")
    deadline_s = 1.5
    """For what `fast` leaves to a worker: SymPy decides in milliseconds what it decides at all."""
    Reference = MathReference
    Params = MathParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        """The verdict, with SymPy where it is needed. Never raises for a response."""
        return self._judge(response, reference, params, symbolic=True) or self._verdict(
            "undecided", "undecided", None, ""
        )

    def fast(self, response: str, reference: Any, params: Any = None) -> Verdict | None:
        """The verdict without SymPy; None if only SymPy can tell."""
        return self._judge(response, reference, params, symbolic=False)

    def _judge(self, response: str, reference: Any, params: Any, *, symbolic: bool) -> Verdict | None:
        told = MathReference.model_validate(reference)
        gold_text = told.final
        rules = MathParams.model_validate(params or {})
        if response.strip() == gold_text.strip():
            return self._verdict("correct", "string", gold_text.strip(), "whole")
        if not response.isascii():  # a lone surrogate would be refused by the verdict
            response = response.encode("utf-8", "replace").decode()
        found = extract(response, rules.extraction)
        if found.text is None:
            return self._verdict("no_answer", found.how, None, "")
        gold, answer = read(gold_text), read(found.text)
        outcome = judge(gold, answer, rules)
        if not outcome.equal and found.percent != told.percent:
            gold, answer = percents(gold_text, told.percent), percents(found.text, found.percent)
            outcome = judge(gold, answer, rules)
        if outcome.equal is None and gold.node and answer.node and needs_symbols(gold.node, answer.node):
            if not symbolic:
                return None
            from verifiers.math.symbolic import same_symbolic

            outcome = same_symbolic(gold.node, answer.node)
        return self._of_outcome(outcome, found)

    def _of_outcome(self, outcome: Outcome, found: Found) -> Verdict:
        if outcome.equal is None:
            return self._verdict("undecided", outcome.reason, found.text, found.how)
        if outcome.reason == "hedged":
            return self._verdict("no_answer", "hedged", found.text, found.how)
        return self._verdict("correct" if outcome.equal else "incorrect", outcome.reason, found.text, found.how)

    def _verdict(self, status: Any, reason: str, extracted: str | None, how: str) -> Verdict:
        score = 1.0 if status == "correct" else 0.0
        details = {"found": how} if how else {}
        return Verdict(
            status=status,
            score=score,
            reason=reason,
            extracted=extracted and extracted[:MAX_LENGTH],
            details=details,
            verifier=self.name,
            version=self.version,
        )


def percents(text: str, percent: bool) -> Answer:
    return read(f"{text}\\%" if percent else text)


def judge(gold: Answer, answer: Answer, rules: MathParams) -> Outcome:
    """Strings, then choice letters, then the content; of `B) 12` also what stands behind the letter."""
    if gold.text and gold.text == answer.text:
        return Outcome(True, "string")
    if gold.choice.isupper():
        if answer.choice or not gold.chosen:
            return Outcome(answer.choice.upper() == gold.choice, "choice")
        return judge_content(read(gold.chosen), answer, rules)  # the reference is `(B) 12`, the answer is 12
    outcome = judge_content(gold, answer, rules)
    if not outcome.equal and answer.chosen:
        return judge_content(gold, read(answer.chosen), rules)
    return outcome


def judge_content(gold: Answer, answer: Answer, rules: MathParams) -> Outcome:
    """Words, then trees."""
    if gold.words is not None and answer.words is not None:
        if same_words(gold.words, answer.words):
            return Outcome(True, "words")
        if gold.node is None or answer.node is None or (len(gold.words) > 1 and len(answer.words) > 1):
            return _by_meaning(gold, answer)
    if gold.node is None or answer.node is None:
        return Outcome(False, "words" if gold.node is None else "unreadable")
    outcome = equivalent(gold.node, answer.node, rules)
    if outcome.equal is False and is_hedge(gold.node, answer.node):
        return Outcome(False, "hedged")
    return outcome


def _by_meaning(gold: Answer, answer: Answer) -> Outcome:
    return Outcome(gold.node is not None and gold.node == answer.node, "words")


def is_hedge(gold: Node, answer: Node) -> bool:
    """Several alternatives where the reference has one value."""
    return answer.kind == "list" and answer.name == "or" and gold.kind != "list"


def needs_symbols(gold: Node, answer: Node) -> bool:
    """Is anything in the trees that SymPy can do and the tiers cannot?"""
    return any(contains(node, kind) for node in (gold, answer) for kind in SYMBOLIC)
