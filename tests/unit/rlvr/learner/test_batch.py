"""Packing: every response token once, whatever the cut."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlvr.learner.batch import Batch, end_to_end, micro_batches, pack, padded
from rlvr.samples import Rollout, Sample


@pytest.fixture
def batch(rollout: Callable[..., Rollout]) -> Batch:
    shapes = [((1, 2, 3), (4, 5)), ((6,), (7, 8, 9, 10)), ((11, 12), (13,)), ((14, 15), (16, 17, 18))]
    return pack(
        [
            Sample(
                rollout(
                    str(i),
                    response,
                    prompt_ids=prompt,
                    logprobs=tuple(-0.5 * t for t in response),
                    mask=tuple(t % 2 for t in response),
                    finish="length" if i == 1 else "stop",
                ),
                i - 1.5,
            )
            for i, (prompt, response) in enumerate(shapes)
        ]
    )


def test_every_token_lies_at_its_place(batch: Batch) -> None:
    tokens = [4, 5, 7, 8, 9, 10, 13, 16, 17, 18]
    assert batch.seq.tolist() == [0, 0, 1, 1, 1, 1, 2, 3, 3, 3]
    assert batch.mask.tolist() == [t % 2 for t in tokens]
    assert batch.sampler.tolist() == [-0.5 * t for t in tokens]
    assert batch.advantage.tolist() == [-1.5, -1.5, -0.5, -0.5, -0.5, -0.5, 0.5, 1.5, 1.5, 1.5]
    assert batch.tokens_of([3, 0]).tolist() == [7, 8, 9, 0, 1]


def test_what_was_cut_off_trains_nothing_if_so_asked(rollout: Callable[..., Rollout]) -> None:
    samples = [Sample(rollout("a", finish="length"), 1.0), Sample(rollout("b"), -1.0)]
    assert pack(samples).mask.tolist() == [1, 1, 1, 1]
    assert pack(samples, mask_truncated=True).mask.tolist() == [0, 0, 1, 1]


def test_the_position_before_a_token_predicts_it(batch: Batch) -> None:
    inputs = padded(batch, [1, 0, 2], pad=99)
    ids, attention, places, targets = inputs.ids, inputs.attention, inputs.places, inputs.targets
    assert attention is not None
    assert ids.tolist() == [[6, 7, 8, 9, 10], [1, 2, 3, 4, 5], [11, 12, 13, 99, 99]]
    assert attention.tolist() == [[1] * 5, [1] * 5, [1, 1, 1, 0, 0]]
    assert targets.tolist() == [7, 8, 9, 10, 4, 5, 13]
    assert ids.flatten()[places + 1].tolist() == targets.tolist()


def test_end_to_end_is_one_row_that_starts_again(batch: Batch) -> None:
    inputs = end_to_end(batch, [1, 0, 2])
    assert inputs.ids.tolist() == [[6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 11, 12, 13]]
    assert inputs.position is not None
    assert inputs.position.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]]
    assert inputs.ids.flatten()[inputs.places + 1].tolist() == inputs.targets.tolist() == [7, 8, 9, 10, 4, 5, 13]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=20),
    st.integers(1, 200),
)
def test_micro_batches_hold_every_token_once_and_keep_the_budget(shapes: list[tuple[int, int]], budget: int) -> None:
    total = sum(response for _, response in shapes)
    none = torch.zeros(total)
    made = Batch([(1,) * p for p, _ in shapes], [(2,) * r for _, r in shapes], none, none, none, none)
    cuts = micro_batches(made, budget)
    assert sorted(chain(*cuts)) == list(range(len(shapes)))
    assert sorted(chain(*(made.tokens_of(cut).tolist() for cut in cuts))) == list(range(total))
    for cut in cuts:
        for inputs in (padded(made, cut, pad=0), end_to_end(made, cut)):
            ids, targets = inputs.ids, inputs.targets
            assert len(cut) == 1 or ids.numel() <= budget
            assert ids.flatten()[inputs.places + 1].tolist() == targets.tolist() == [2] * len(made.tokens_of(cut))
