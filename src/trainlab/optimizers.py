r"""Optimizers, in order of increasing complexity.

Each is a frozen dataclass of hyperparameters with two pure functions: `init` makes the state for
one parameter, `update` takes a gradient and returns what is ADDED to the parameter, and the new
state. The notation is that of the papers: $w$ weights, $g$ gradient, $\eta$ learning rate, $t$ the
number of this update, counted from 1.

All of these work element by element, so the training loop may hand them any tensor, or all the
parameters of many networks as one flat vector. There is no branch on a hyperparameter's value in
`update`: the value may be a tensor with one element a run. Hyperparameters and $t$ enter as float64
scalars, because $1 - \beta_2^t$ in float32 is wrong by enough to change a loss curve.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from trainlab.types import State

Param = Float[Tensor, "*shape"]
Rate = float | Tensor
Step = tuple[Param, State]


class Optimizer(Protocol):
    """What the training loop asks of an optimizer."""

    def init(self, w: Param) -> State:
        """The state before the first update, for one parameter."""
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


def _check(optimizer: object, *, below_one: tuple[str, ...] = (), positive: tuple[str, ...] = ()) -> None:
    name = type(optimizer).__name__
    for field in below_one:
        if not 0 <= (value := getattr(optimizer, field)) < 1:
            raise ValueError(f"{name}: {field} must be in [0, 1), got {value}")
    for field in positive:
        if not (value := getattr(optimizer, field)) > 0:
            raise ValueError(f"{name}: {field} must be > 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class SGD:
    r"""Stochastic gradient descent: $w \leftarrow w - \eta g$.

    References:
        Robbins and Monro 1951, "A stochastic approximation method".
    """

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

    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check(self, below_one=("momentum",))

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

    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check(self, below_one=("momentum",))

    def init(self, w: Param) -> State:
        """A velocity of zero."""
        return {"b": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update: the gradient, and the velocity as it will be after it."""
        b = self.momentum * state["b"] + g
        return -lr * (g + self.momentum * b), {"b": b}


@dataclass(frozen=True, kw_only=True)
class AdaGrad:
    r"""Divide by the root of the sum of all squared gradients: $w \leftarrow w - \eta g / (\sqrt{s} + \epsilon)$.

    Args:
        eps: $\epsilon$, > 0.

    References:
        Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online learning".
    """

    eps: float = 1e-10

    def __post_init__(self) -> None:
        _check(self, positive=("eps",))

    def init(self, w: Param) -> State:
        """A sum of zero."""
        return {"s": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        s = state["s"] + g**2
        return -lr * g / (s.sqrt() + self.eps), {"s": s}


@dataclass(frozen=True, kw_only=True)
class RMSProp:
    r"""AdaGrad with a memory that fades: $s \leftarrow \alpha s + (1-\alpha) g^2$.

    Args:
        alpha: $\alpha$, the share of the old average that is kept, in [0, 1).
        eps: $\epsilon$, > 0; added outside the root.

    References:
        Tieleman and Hinton 2012, "Lecture 6.5: rmsprop".
    """

    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check(self, below_one=("alpha",), positive=("eps",))

    def init(self, w: Param) -> State:
        """An average of zero."""
        return {"s": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        s = self.alpha * state["s"] + (1 - self.alpha) * g**2
        return -lr * g / (s.sqrt() + self.eps), {"s": s}


@dataclass(frozen=True, kw_only=True)
class Adam:
    r"""Momentum and RMSProp together, each corrected for having started at zero.

    $$m \leftarrow \beta_1 m + (1-\beta_1) g \qquad v \leftarrow \beta_2 v + (1-\beta_2) g^2$$
    $$w \leftarrow w - \eta \, \frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon}$$

    Args:
        beta1: $\beta_1$, the memory of the mean, in [0, 1).
        beta2: $\beta_2$, the memory of the mean square, in [0, 1).
        eps: $\epsilon$, > 0; added outside the root.

    References:
        Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1,
        https://arxiv.org/abs/1412.6980
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check(self, below_one=("beta1", "beta2"), positive=("eps",))

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = self.beta1 * state["m"] + (1 - self.beta1) * g
        v = self.beta2 * state["v"] + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        return -lr * m_hat / (v_hat.sqrt() + self.eps), {"m": m, "v": v}


@dataclass(frozen=True, kw_only=True)
class AdamW:
    r"""Adam with decoupled weight decay: the weights also shrink by $\eta \lambda w$, outside the division.

    Args:
        beta1: $\beta_1$, in [0, 1).
        beta2: $\beta_2$, in [0, 1).
        eps: $\epsilon$, > 0.
        weight_decay: $\lambda$, >= 0.

    References:
        Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2,
        https://arxiv.org/abs/1711.05101
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _check(self, below_one=("beta1", "beta2"), positive=("eps",))
        if not self.weight_decay >= 0:
            raise ValueError(f"AdamW: weight_decay must be >= 0, got {self.weight_decay}")

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = self.beta1 * state["m"] + (1 - self.beta1) * g
        v = self.beta2 * state["v"] + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        return -lr * (m_hat / (v_hat.sqrt() + self.eps) + self.weight_decay * w), {"m": m, "v": v}
