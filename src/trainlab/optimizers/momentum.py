"""Gradient descent, and gradient descent with momentum."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from trainlab.optimizers.base import Param, Rate, Step, check
from trainlab.types import State


@dataclass(frozen=True, kw_only=True)
class SGD:
    r"""Stochastic gradient descent: $w \leftarrow w - \eta g$.

    References:
        Robbins and Monro 1951, "A stochastic approximation method".
    """

    elementwise: ClassVar[bool] = True

    def init(self, w: Param) -> State:
        """Nothing to remember."""
        return {}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        return -lr * g, state


@dataclass(frozen=True, kw_only=True)
class Momentum:
    r"""Heavy-ball momentum: $b \leftarrow \mu b + g$, then $w \leftarrow w - \eta b$.

    In PyTorch's convention: a constant gradient ends up multiplied by $1/(1-\mu)$.

    Args:
        momentum: $\mu$, in [0, 1).

    References:
        Polyak 1964, "Some methods of speeding up the convergence of iteration methods".
    """

    elementwise: ClassVar[bool] = True
    momentum: float = 0.9

    def __post_init__(self) -> None:
        check(self, below_one=("momentum",))

    def init(self, w: Param) -> State:
        """A velocity of zero."""
        return {"b": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        b = self.momentum * state["b"] + g
        return -lr * b, {"b": b}


@dataclass(frozen=True, kw_only=True)
class Nesterov:
    r"""Nesterov momentum: $b \leftarrow \mu b + g$, then $w \leftarrow w - \eta (g + \mu b)$.

    Args:
        momentum: $\mu$, in [0, 1).

    References:
        Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
    """

    elementwise: ClassVar[bool] = True
    momentum: float = 0.9

    def __post_init__(self) -> None:
        check(self, below_one=("momentum",))

    def init(self, w: Param) -> State:
        """A velocity of zero."""
        return {"b": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update: the gradient, and the velocity as it will be after it."""
        b = self.momentum * state["b"] + g
        return -lr * (g + self.momentum * b), {"b": b}
