"""Log-probabilities from hidden states, beside PyTorch's own."""

import pytest
import torch
from torch import Tensor

from rlvr.learner.logprob import linear_logprob

N, H, V = 13, 6, 17


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(N, H, requires_grad=True), torch.randn(V, H, requires_grad=True), torch.randint(0, V, (N,))


def reference(hidden: Tensor, head: Tensor, target: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """In fp64, all logits at once."""
    logprobs = (hidden.double() @ head.double().T / temperature).log_softmax(-1)
    return logprobs.gather(1, target[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("chunk", [1, 4, N, 1000])
def test_values_and_gradients_are_pytorchs(
    inputs: tuple[Tensor, Tensor, Tensor], temperature: float, chunk: int
) -> None:
    hidden, head, target = inputs
    upstream = torch.randn(N)
    logp, entropy = linear_logprob(hidden, head, target, temperature, chunk)
    expected, expected_entropy = reference(hidden, head, target, temperature)
    torch.testing.assert_close(logp.double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(entropy.double(), expected_entropy, atol=5e-5, rtol=1e-5)
    got = torch.autograd.grad((upstream * logp).sum(), (hidden, head))
    wanted = torch.autograd.grad((upstream.double() * expected).sum(), (hidden, head))
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_the_gradient_is_that_of_finite_differences(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    hidden, head, target = inputs
    [slope] = torch.autograd.grad(linear_logprob(hidden, head, target, 0.7)[0].sum(), hidden)
    step = torch.zeros_like(hidden)
    step[3, 2] = 1e-2
    with torch.no_grad():
        up, down = (linear_logprob(hidden + d, head, target, 0.7)[0].double().sum() for d in (step, -step))
    assert float(slope[3, 2]) == pytest.approx(float(up - down) / 2e-2, rel=1e-2)


def test_it_is_in_fp32_whatever_the_model_is_in(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    hidden, head, target = (x.detach() for x in inputs)
    hidden, head = hidden.bfloat16().requires_grad_(), head.bfloat16().requires_grad_()
    logp, entropy = linear_logprob(hidden, head, target)
    assert logp.dtype == entropy.dtype == torch.float32
    logp.sum().backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert head.grad is not None
    assert hidden.grad.dtype == head.grad.dtype == torch.bfloat16
    torch.testing.assert_close(logp.double(), reference(hidden, head, target, 1.0)[0], atol=0.1, rtol=0.02)


def test_large_logits_stay_finite_and_inputs_stay_as_they_were() -> None:
    hidden, head = torch.tensor([[300.0]]), torch.tensor([[1.0], [-1.0]])
    before = hidden.clone(), head.clone()
    logp, entropy = linear_logprob(hidden, head, torch.tensor([1]), 0.5)
    assert logp.item() == -1200
    assert entropy.item() == 0
    torch.testing.assert_close((hidden, head), before)


def test_no_rows_are_no_error() -> None:
    hidden = torch.zeros(0, H, requires_grad=True)
    logp, _ = linear_logprob(hidden, torch.zeros(V, H), torch.zeros(0, dtype=torch.long))
    logp.sum().backward()  # type: ignore[no-untyped-call]
    assert logp.shape == (0,)


@pytest.mark.parametrize("chunk", [3, N])
def test_the_entropys_gradient_is_pytorchs_too(inputs: tuple[Tensor, Tensor, Tensor], chunk: int) -> None:
    hidden, head, target = inputs
    upstream = torch.randn(2, N)
    temperature = torch.linspace(0.5, 2.0, N)
    got = linear_logprob(hidden, head, target, temperature, chunk, entropy_gradient=True)
    logprobs = (hidden.double() @ head.double().T / temperature[:, None]).log_softmax(-1)
    wanted = logprobs.gather(1, target[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)
    slopes = [
        torch.autograd.grad(sum((w * x).sum() for w, x in zip(upstream, pair, strict=True)), (hidden, head))
        for pair in (got, wanted)
    ]
    torch.testing.assert_close(*slopes, atol=1e-5, rtol=1e-5)


def test_without_need_the_entropy_has_no_gradient(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    assert not linear_logprob(*inputs)[1].requires_grad
