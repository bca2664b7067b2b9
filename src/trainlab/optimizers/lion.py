"""The sign of a momentum as the whole update."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from trainlab.optimizers.base import Param, Rate, Step, check, ema
from trainlab.types import State


@dataclass(frozen=True, kw_only=True)
class Lion:
    r"""Every weight moves by the same amount, in the direction that a momentum says.

    $$c = \beta_1 m + (1-\beta_1) g \qquad w \leftarrow w - \eta \, (\mathrm{sign}(c) + \lambda w)$$
    $$m \leftarrow \beta_2 m + (1-\beta_2) g$$

    The steps are larger than those of Adam at the same rate; the paper takes a rate 3 to 10 times
    smaller, and a weight decay as many times larger.

    Args:
        beta1: $\beta_1$, weighs the momentum against the new gradient, in [0, 1).
        beta2: $\beta_2$, the memory of the momentum, in [0, 1).
        weight_decay: $\lambda$, >= 0, decoupled as in AdamW.

    References:
        Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2,
        https://arxiv.org/abs/2302.06675
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), not_negative=("weight_decay",))

    def init(self, w: Param) -> State:
        """An average of zero."""
        return {"m": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        c = ema(state["m"], g, self.beta1)
        m = ema(state["m"], g, self.beta2)
        return -lr * (c.sign() + self.weight_decay * w), {"m": m}
