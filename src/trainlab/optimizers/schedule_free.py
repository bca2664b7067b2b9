"""AdamW whose weights are averaged while it trains, in place of a schedule that falls."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from trainlab.optimizers.base import Param, Rate, Step, check, ema
from trainlab.types import State


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeAdamW:
    r"""AdamW that takes its gradients between a fast sequence $z$ and its average $x$.

    The weights that are trained are $y$, and $g$ is the gradient there. Those to evaluate are $x$.

    $$v \leftarrow \beta_2 v + (1-\beta_2) g^2 \qquad
      z \leftarrow z - \eta \left( \frac{g}{\sqrt{v/(1-\beta_2^t)} + \epsilon} + \lambda y \right)$$
    $$x \leftarrow (1-c) \, x + c \, z \qquad y \leftarrow (1-\beta_1) \, z + \beta_1 x$$

    The weight of a step in the average is the square of the largest rate so far:
    $c = \eta_{\max}^2 / \sum \eta_{\max}^2$, which is $1/t$ at a constant rate. The schedule should only
    warm up. As in the authors' program, the bias correction of $v$ stands under the root; in the
    paper it is a factor of $\eta$, and so enters $c$ too.

    Args:
        beta1: $\beta_1$, how far $y$ lies towards the average, in [0, 1).
        beta2: $\beta_2$, the memory of the mean square, in [0, 1).
        eps: $\epsilon$, > 0.
        weight_decay: $\lambda$, >= 0, decoupled, of the weights $y$.

    References:
        Defazio et al. 2024, "The road less scheduled", algorithm 1, https://arxiv.org/abs/2405.15682
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",), not_negative=("weight_decay",))

    def init(self, w: Param) -> State:
        """Both sequences start at the weights."""
        x, z = w.detach().clone(), w.detach().clone()
        return {"x": x, "z": z, "v": torch.zeros_like(w), "lr_max": torch.zeros_like(w), "total": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update, from y to y."""
        v = ema(state["v"], g**2, self.beta2)
        v_hat = v / (1 - self.beta2**t)
        z = state["z"] - lr * (g / (v_hat.sqrt() + self.eps) + self.weight_decay * w)
        lr_max = state["lr_max"].clamp(min=lr)
        total = state["total"] + lr_max**2
        c = torch.where(total > 0, lr_max**2 / total, 0.0)  # a warm-up may start at a rate of zero
        x = (1 - c) * state["x"] + c * z
        y = (1 - self.beta1) * z + self.beta1 * x
        return y - w, {"x": x, "z": z, "v": v, "lr_max": lr_max, "total": total}

    def evaluated(self, state: State, w: Param) -> Param:
        """The average."""
        return state["x"]
