"""Adam and its descendants."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from trainlab.optimizers.base import Param, Rate, Step, check, ema
from trainlab.types import State


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

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",))

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        v = ema(state["v"], g**2, self.beta2)
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        return -lr * m_hat / (v_hat.sqrt() + self.eps), {"m": m, "v": v}


@dataclass(frozen=True, kw_only=True)
class AMSGrad:
    r"""Adam with the largest mean square so far in the denominator, so that no rate grows again.

    $$\hat v \leftarrow \max(\hat v, v) \qquad
      w \leftarrow w - \eta \, \frac{m/(1-\beta_1^t)}{\sqrt{\hat v/(1-\beta_2^t)} + \epsilon}$$

    With Adam's bias corrections, as in PyTorch; the paper has none.

    Args:
        beta1: $\beta_1$, in [0, 1).
        beta2: $\beta_2$, in [0, 1).
        eps: $\epsilon$, > 0.

    References:
        Reddi, Kale and Kumar 2018, "On the convergence of Adam and beyond", algorithm 2,
        https://arxiv.org/abs/1904.09237
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",))

    def init(self, w: Param) -> State:
        """Two averages and a maximum, of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w), "v_max": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        v = ema(state["v"], g**2, self.beta2)
        v_max = torch.maximum(state["v_max"], v)
        m_hat = m / (1 - self.beta1**t)
        v_hat = v_max / (1 - self.beta2**t)
        return -lr * m_hat / (v_hat.sqrt() + self.eps), {"m": m, "v": v, "v_max": v_max}


@dataclass(frozen=True, kw_only=True)
class AdaMax:
    r"""Adam with a fading maximum of the gradient's size in place of its mean square.

    $$u \leftarrow \max(\beta_2 u, |g| + \epsilon) \qquad w \leftarrow w - \frac{\eta}{1-\beta_1^t} \, \frac{m}{u}$$

    Args:
        beta1: $\beta_1$, in [0, 1).
        beta2: $\beta_2$, in [0, 1).
        eps: $\epsilon$, > 0; not in the paper, but a gradient of zero needs it.

    References:
        Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 2,
        https://arxiv.org/abs/1412.6980
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",))

    def init(self, w: Param) -> State:
        """An average and a maximum, of zero."""
        return {"m": torch.zeros_like(w), "u": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        u = torch.maximum(self.beta2 * state["u"], g.abs() + self.eps)
        return -lr / (1 - self.beta1**t) * m / u, {"m": m, "u": u}


@dataclass(frozen=True, kw_only=True)
class NAdam:
    r"""Adam that looks ahead as Nesterov does, with a momentum that warms up.

    $$\mu_t = \beta_1 \left(1 - \tfrac12 \, 0.96^{t \psi}\right) \qquad
      \hat m = \frac{\mu_{t+1} \, m}{1 - \prod_{i=1}^{t+1} \mu_i} + \frac{(1-\mu_t) \, g}{1 - \prod_{i=1}^{t} \mu_i}$$

    and then as Adam.

    Args:
        beta1: $\beta_1$, in [0, 1).
        beta2: $\beta_2$, in [0, 1).
        eps: $\epsilon$, > 0.
        momentum_decay: $\psi$, how fast the momentum warms up, >= 0.

    References:
        Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2,
        https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 4e-3

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",), not_negative=("momentum_decay",))

    def init(self, w: Param) -> State:
        """Two averages of zero, and an empty product."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w), "product": torch.ones_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        v = ema(state["v"], g**2, self.beta2)
        mu = self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))
        mu_next = self.beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * self.momentum_decay))
        product = state["product"] * mu
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        v_hat = v / (1 - self.beta2**t)
        return -lr * m_hat / (v_hat.sqrt() + self.eps), {"m": m, "v": v, "product": product}


@dataclass(frozen=True, kw_only=True)
class RAdam:
    r"""Adam whose division waits until the mean square has seen enough gradients to be trusted.

    $$\rho_\infty = \frac{2}{1-\beta_2} - 1 \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1-\beta_2^t} \qquad
      r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2) \, \rho_\infty}{(\rho_\infty-4)(\rho_\infty-2) \, \rho_t}}$$
    $$w \leftarrow w - \eta \, \frac{m}{1-\beta_1^t} \cdot
      \begin{cases} r_t \sqrt{1-\beta_2^t} \, / \, (\sqrt{v} + \epsilon) & \rho_t > 5 \\ 1 & \text{else} \end{cases}$$

    With the default $\beta_2$ the first five updates are not divided: momentum alone, at the full rate.

    Args:
        beta1: $\beta_1$, in [0, 1).
        beta2: $\beta_2$, in [0, 1).
        eps: $\epsilon$, > 0; not in the paper, and as in PyTorch not corrected for the start.

    References:
        Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2,
        https://arxiv.org/abs/1908.03265
    """

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",))

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        v = ema(state["v"], g**2, self.beta2)
        m_hat = m / (1 - self.beta1**t)
        beta2 = torch.as_tensor(self.beta2, dtype=torch.float64, device=g.device)  # the runs of a stack may differ
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)).sqrt()
        divided = r * (1 - beta2**t).sqrt() * m_hat / (v.sqrt() + self.eps)
        return -lr * torch.where(rho > 5, divided, m_hat), {"m": m, "v": v}


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

    elementwise: ClassVar[bool] = True
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        check(self, below_one=("beta1", "beta2"), positive=("eps",), not_negative=("weight_decay",))

    def init(self, w: Param) -> State:
        """Two averages of zero."""
        return {"m": torch.zeros_like(w), "v": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        m = ema(state["m"], g, self.beta1)
        v = ema(state["v"], g**2, self.beta2)
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        return -lr * (m_hat / (v_hat.sqrt() + self.eps) + self.weight_decay * w), {"m": m, "v": v}
