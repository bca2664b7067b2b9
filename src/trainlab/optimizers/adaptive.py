"""A rate of its own for each weight, from the history of its gradients."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from trainlab.optimizers.base import Param, Rate, Step, check, ema
from trainlab.types import State


@dataclass(frozen=True, kw_only=True)
class AdaGrad:
    r"""Divide by the root of the sum of all squared gradients: $w \leftarrow w - \eta g / (\sqrt{s} + \epsilon)$.

    Args:
        eps: $\epsilon$, > 0.

    References:
        Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online learning".
    """

    elementwise: ClassVar[bool] = True
    eps: float = 1e-10

    def __post_init__(self) -> None:
        check(self, positive=("eps",))

    def init(self, w: Param) -> State:
        """A sum of zero."""
        return {"s": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        s = state["s"] + g**2
        return -lr * g / (s.sqrt() + self.eps), {"s": s}


@dataclass(frozen=True, kw_only=True)
class Adadelta:
    r"""Steps in the units of the weights: the mean square of past steps over that of past gradients.

    $$s \leftarrow \rho s + (1-\rho) g^2 \qquad
      \Delta = \frac{\sqrt{u + \epsilon}}{\sqrt{s + \epsilon}} \, g \qquad
      u \leftarrow \rho u + (1-\rho) \Delta^2$$

    and $w \leftarrow w - \eta \Delta$. The paper has no learning rate, which is $\eta = 1$.

    Args:
        rho: $\rho$, the share of the old averages that is kept, in [0, 1).
        eps: $\epsilon$, > 0; added inside the roots, and what the first steps are made of.

    References:
        Zeiler 2012, "Adadelta: an adaptive learning rate method", algorithm 1,
        https://arxiv.org/abs/1212.5701
    """

    elementwise: ClassVar[bool] = True
    rho: float = 0.9
    eps: float = 1e-6

    def __post_init__(self) -> None:
        check(self, below_one=("rho",), positive=("eps",))

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"s": torch.zeros_like(w), "u": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        s = ema(state["s"], g**2, self.rho)
        delta = (state["u"] + self.eps).sqrt() / (s + self.eps).sqrt() * g
        u = ema(state["u"], delta**2, self.rho)
        return -lr * delta, {"s": s, "u": u}


@dataclass(frozen=True, kw_only=True)
class RMSProp:
    r"""AdaGrad with a memory that fades: $s \leftarrow \alpha s + (1-\alpha) g^2$.

    Args:
        alpha: $\alpha$, the share of the old average that is kept, in [0, 1).
        eps: $\epsilon$, > 0; added outside the root.

    References:
        Tieleman and Hinton 2012, "Lecture 6.5: rmsprop".
    """

    elementwise: ClassVar[bool] = True
    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check(self, below_one=("alpha",), positive=("eps",))

    def init(self, w: Param) -> State:
        """An average of zero."""
        return {"s": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        s = ema(state["s"], g**2, self.alpha)
        return -lr * g / (s.sqrt() + self.eps), {"s": s}
