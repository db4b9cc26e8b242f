"""Does the response keep every constraint of its task: the verifier `instructions`.

Left out: whether the answer is any good. Put this beside another verifier with `all` or `weighted` for that.
"""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from verifiers.base import Verdict
from verifiers.format import after_thinking
from verifiers.instructions.arguments import Arguments
from verifiers.instructions.catalogue import Constraint
from verifiers.instructions.reference import InstructionsReference

MAX_CHARACTERS = 2_000_000
"""A longer response is not judged: a check takes up to 0.7 s per million characters, and it runs inline."""


class InstructionsParams(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["strict", "loose"] = "strict"
    """`loose` also takes the response without its first line, its last line and its asterisks, in any mix."""
    compat: Literal["official", "strict"] = "official"
    """`official` grades as the published checkers do; `strict` closes the holes that a policy would find."""
    scoring: Literal["all", "fraction"] = "all"
    """`all`: 1 when every constraint holds, else 0. `fraction`: the share of constraints that hold (IF-RLVR)."""


class InstructionsVerifier:
    """Constraints of IFEval, IF-RLVR, IFBench and Tulu 3, checked by rule."""

    name = "instructions"
    version = "1.0.0"
    isolation = "inline"
    Reference = InstructionsReference
    Params = InstructionsParams

    def verify(self, response: str, reference: Any, params: Any = None) -> Verdict:
        constraints = InstructionsReference.model_validate(reference).constraints()
        rules = InstructionsParams.model_validate(params or {})
        text = answer_of(response)
        if not text.strip():
            return Verdict.no_answer("empty_response")
        if len(text) > MAX_CHARACTERS:
            return Verdict.undecided("too_long")
        followed = [keeps(text, constraint, to, rules) for _, constraint, to in constraints]
        named = [{"id": name, "followed": kept} for (name, _, _), kept in zip(constraints, followed, strict=True)]
        share = sum(followed) / len(followed)
        score = share if rules.scoring == "fraction" else float(all(followed))
        missed = [str(each["id"]) for each in named if not each["followed"]]
        reason = f"not followed: {', '.join(missed)}" if missed else "followed"
        return Verdict.of_score(score, reason, details={"instructions": named})


def answer_of(response: str) -> str:
    """The response, or what follows its reasoning, there without the `<answer>` tags around it."""
    if "</think>" not in response:
        return response
    return after_thinking(response).strip().removeprefix("<answer>").removesuffix("</answer>").strip()


def keeps(text: str, constraint: Constraint, to: Arguments, rules: InstructionsParams) -> bool:
    """Whether the text, or with `mode: loose` any variant of it that is not blank, keeps the constraint."""
    check = constraint.official
    if rules.compat == "strict" and constraint.strict:
        check = constraint.strict
    texts = variants(text) if rules.mode == "loose" else iter([text])
    return any(each.strip() and check(each, to) for each in texts)


def variants(text: str) -> Iterator[str]:
    """IFEval's eight readings: whole, and without first line, last line or both; each with and without asterisks."""
    lines = text.split("\n")
    parts = [lines[1:], lines[:-1], lines[1:-1]]
    for each in [text, *("\n".join(part).strip() for part in parts)]:
        yield each
        yield each.replace("*", "")
