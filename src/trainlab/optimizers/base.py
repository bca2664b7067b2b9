"""What every optimizer offers to the training loop, and what they share."""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from trainlab.types import State

Param = Float[Tensor, "*shape"]
Rate = float | Tensor
Step = tuple[Param, State]


class Optimizer(Protocol):
    """What the training loop asks of an optimizer.

    The state's tensors have the shape of the parameter. An attribute `elementwise` that is True says
    that each number is treated alone, so that the loop may hand over all parameters of many networks
    as one flat vector. Where it is False or missing, both functions see one parameter of one run.
    """

    def init(self, w: Param) -> State:
        """The state before the first update.

        Args:
            w: the parameter.
        """
        ...

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update.

        Args:
            g: the gradient of the loss with respect to `w`.
            state: what `init` or the last `update` returned.
            w: the parameter.
            lr: the learning rate of this update, schedule included; broadcasts against `w`.
            t: 1 for the first update.

        Returns:
            What is added to `w`, and the new state.
        """
        ...


class AveragingOptimizer(Optimizer, Protocol):
    """An optimizer that trains one set of weights and evaluates another."""

    def evaluated(self, state: State, w: Param) -> Param:
        """The weights to evaluate.

        Args:
            state: what `init` or the last `update` returned.
            w: the parameter, as it is trained.
        """
        ...


def ema(mean: Param, value: Param, beta: Rate) -> Param:
    r"""An exponential moving average: $\beta \, \text{mean} + (1-\beta) \, \text{value}$.

    Args:
        mean: so far.
        value: what comes in.
        beta: the memory, in [0, 1); a tensor where the runs of a stack differ.
    """
    if isinstance(beta, Tensor):
        return beta * mean + (1 - beta) * value
    return torch.lerp(mean, value, 1 - beta)  # the same, in one pass over the numbers where the formula takes three


def check(
    optimizer: object,
    *,
    below_one: tuple[str, ...] = (),
    positive: tuple[str, ...] = (),
    not_negative: tuple[str, ...] = (),
) -> None:
    """Check the ranges of an optimizer's fields.

    Args:
        optimizer: whose fields are checked.
        below_one: names of fields that must be in [0, 1).
        positive: names of fields that must be > 0.
        not_negative: names of fields that must be >= 0.

    Raises:
        ValueError: a field is out of its range.
    """
    name = type(optimizer).__name__
    for field in below_one:
        if not 0 <= (value := getattr(optimizer, field)) < 1:
            raise ValueError(f"{name}: {field} must be in [0, 1), got {value}")
    for field in positive:
        if not (value := getattr(optimizer, field)) > 0:
            raise ValueError(f"{name}: {field} must be > 0, got {value}")
    for field in not_negative:
        if not (value := getattr(optimizer, field)) >= 0:
            raise ValueError(f"{name}: {field} must be >= 0, got {value}")
