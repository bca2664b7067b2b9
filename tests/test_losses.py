"""Losses against PyTorch and against arithmetic."""

import math
import re

import jaxtyping
import pytest
import torch
from torch import nn

from trainlab.losses import CrossEntropy, SquaredError


def logits(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 3 * torch.randn(20, 7, dtype=dtype, generator=torch.Generator().manual_seed(0))


LABELS = torch.arange(20) % 7


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_cross_entropy_of_each_example(smoothing: float) -> None:
    log_p = logits().log_softmax(1)
    expected = -(1 - smoothing) * log_p[range(20), LABELS] - smoothing * log_p.mean(1)
    torch.testing.assert_close(CrossEntropy(smoothing)(logits(), LABELS), expected)


def test_its_mean_is_pytorchs_default() -> None:
    assert CrossEntropy()(logits(), LABELS).mean() == pytest.approx(nn.functional.cross_entropy(logits(), LABELS))


def test_cross_entropy_of_equal_logits_is_the_log_of_the_classes() -> None:
    torch.testing.assert_close(CrossEntropy()(torch.zeros(20, 7), LABELS), torch.full((20,), math.log(7)))


def test_squared_error_is_half_the_squared_distance() -> None:
    outputs, targets = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 4.0], [3.0, 0.0]])
    assert SquaredError()(outputs, targets).tolist() == [2.5, 4.5]


def test_its_gradient_is_the_difference() -> None:
    outputs = torch.randn(5, 2, 3, requires_grad=True)
    targets = torch.randn(5, 2, 3)
    SquaredError()(outputs, targets).sum().backward()
    torch.testing.assert_close(outputs.grad, (outputs - targets).detach())


def test_squared_error_of_one_number_an_example() -> None:
    assert SquaredError()(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])).tolist() == [0.5, 2.0]


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.1)])
def test_a_nan_stays_with_its_example(loss: CrossEntropy) -> None:
    bad = logits()
    bad[3, 2] = math.nan
    assert loss(bad, LABELS).isnan().nonzero().tolist() == [[3]]


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan])
def test_a_bad_label_smoothing_is_named(value: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"label_smoothing must be in [0, 1), got {value}")):
        CrossEntropy(value)


def test_shapes_that_would_broadcast_are_refused() -> None:
    """Outputs [20, 1] less targets [20] would be [20, 20]; the remedy must reach users, who have no shape checks."""
    outputs, targets = torch.zeros(20, 1), torch.zeros(20)
    with pytest.raises(ValueError, match=r"outputs and targets must have one shape, got \[20, 1\] and \[20\]"):
        SquaredError.__call__.__wrapped__(SquaredError(), outputs, targets)  # pyright: ignore[reportFunctionMemberAccess]
    with pytest.raises(jaxtyping.TypeCheckError):
        SquaredError()(outputs, targets)
