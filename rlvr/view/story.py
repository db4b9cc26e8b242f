"""What a run shows, in plain sentences that follow from its numbers."""

from collections.abc import Iterator

from rlvr.view.figures import percent, points
from rlvr.view.run import Run, Score

CONTROLS = {
    "random": "the rewards were drawn by coin and say nothing of the answers",
    "constant": "every answer was given the same reward",
    "shuffled": "the rewards of each group were dealt out anew among its answers",
}

CONTROL_GAIN = 0.03
"""What a control may gain before it is a warning: chance, and drift between the stages."""

NAMES = {
    "tasks": "Tasks",
    "base": "Base",
    "sft": "SFT",
    "dpo": "DPO",
    "rl": "RL",
    "reward_model": "Reward model",
    "evaluate": "Evaluation",
    "eval": "Evaluation",
}


def name(stage: str) -> str:
    return NAMES.get(stage, stage)


def after(stage: str) -> str:
    return "at the start" if stage == "base" else f"after {name(stage)}"


def before_rl(run: Run) -> str | None:
    """The judged stage that RL started from."""
    names = list(run.summary.stages)
    place = names.index("rl") if "rl" in names else 0
    return names[place - 1] if place else None


def gap_closed(run: Run) -> float | None:
    """Of what SFT still got wrong, the share that RL gets right. None without both, or when SFT left nothing."""
    scores = run.summary.stages
    if "sft" not in scores or "rl" not in scores or scores["sft"].accuracy >= 1:
        return None
    return (scores["rl"].accuracy - scores["sft"].accuracy) / (1 - scores["sft"].accuracy)


def tell(run: Run) -> list[str]:
    """Sentences, the most important first."""
    told = list(_control(run)) if run.control != "none" else [*_result(run), *_lesson(run)]
    return told or ["Nothing has been evaluated yet."]


def _control(run: Run) -> Iterator[str]:
    before, scores = before_rl(run), run.summary.stages
    if before is None:
        yield from _validation(run)
        return
    old, new = scores[before].accuracy, scores["rl"].accuracy
    gain = new - old
    change = f"from {percent(old)} {after(before)} to {percent(new)} ({points(gain)} points)"
    yield f"Without its verifiers, RL took held-out accuracy {change}."
    if gain <= CONTROL_GAIN:
        yield "What a run with verified rewards gains beyond that on these tasks, it owes to its verifiers."
    else:
        yield (
            f"A control should gain no more than {100 * CONTROL_GAIN:.0f} points: on these tasks something other than "
            "the verifiers raises the accuracy, and a gain with verified rewards must be read with care."
        )


def _result(run: Run) -> Iterator[str]:
    scores = run.summary.stages
    before, gap = before_rl(run), gap_closed(run)
    if before is None:
        yield from _validation(run)
        return
    first = "sft" if gap is not None else before
    old, new = scores[first].accuracy, scores["rl"].accuracy
    if new <= old:
        yield (
            f"RL on checked answers ended at {percent(new)} on held-out tasks, no better than the {percent(old)} "
            f"{after(first)}. Look at the groups that teach and at the faults below."
        )
        return
    closed = f", which closes {percent(gap)} of the gap that SFT had left" if gap is not None else ""
    change = f"from {percent(old)} {after(first)} to {percent(new)}"
    yield f"RL on checked answers took held-out accuracy {change}{closed}."
    yield from _weakest(scores["rl"])


def _weakest(score: Score) -> Iterator[str]:
    if len(score.families) > 1:
        family = min(score.families, key=score.families.__getitem__)
        yield f"The weakest family is {family} with {percent(score.families[family])}."


def _validation(run: Run) -> Iterator[str]:
    rl = run.stage("rl")
    found = (
        [(row["step"], row["validation/accuracy"]) for row in rl.metrics if "validation/accuracy" in row] if rl else []
    )
    if found:
        (first, start), (last, end), (step, best) = found[0], found[-1], max(found, key=lambda point: point[1])
        if len(found) == 1:
            yield f"Validation accuracy was {percent(start)} at step {first:,.0f}, the only measurement so far."
            return
        yield (
            f"Validation accuracy was {percent(start)} at step {first:,.0f} and {percent(end)} at step {last:,.0f}; "
            f"the best was {percent(best)}, at step {step:,.0f}."
        )


def _lesson(run: Run) -> Iterator[str]:
    """Said only where the numbers bear it out."""
    gap = gap_closed(run)
    if gap is None or gap <= 0:
        return
    scratch = run.config.get("scratch")
    slip = scratch.get("slip", 0.6) if isinstance(scratch, dict) else None
    if isinstance(slip, int | float) and slip > 0:
        yield (
            f"SFT learned from a weak teacher that slips in {100 * slip:.0f}% of its demonstrations, always in "
            "the same ways, and copied the slips along with the skill. The verifiers accept only right answers, so "
            "the stages after it took the slips out again. That is what this run shows: a verifier removing a "
            "teacher's errors, not a new skill."
        )
    else:
        yield "SFT copies its demonstrations, mistakes included; the later stages keep what the verifiers accept."
