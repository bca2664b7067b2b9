"""What can be added to any optimizer: weight decay of two kinds, and averages of the weights."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import cast

import torch

from trainlab.optimizers.base import AveragingOptimizer, Optimizer, Param, Rate, Step, check, ema
from trainlab.types import State


@dataclass(frozen=True)
class L2:
    r"""The gradient of a penalty $\frac{\lambda}{2} \lVert w \rVert^2$ on the loss: $g \leftarrow g + \lambda w$.

    What PyTorch calls `weight_decay` of SGD or Adam. An optimizer that divides by the size of its
    gradients divides the penalty too; see `DecoupledDecay`.

    Args:
        optimizer: receives that gradient.
        weight_decay: $\lambda$, >= 0.

    References:
        Krogh and Hertz 1991, "A simple weight decay can improve generalization".
    """

    optimizer: Optimizer
    _: KW_ONLY
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        _check_optimizer(self)
        check(self, not_negative=("weight_decay",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return is_elementwise(self.optimizer)

    def init(self, w: Param) -> State:
        """The state of the optimizer."""
        return self.optimizer.init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        return self.optimizer.update(g + self.weight_decay * w, state, w, lr, t)

    @property
    def evaluated(self) -> Callable[[State, Param], Param]:
        """As the optimizer has it, if it has it."""
        return cast(AveragingOptimizer, self.optimizer).evaluated


@dataclass(frozen=True)
class DecoupledDecay:
    r"""Weights that also shrink by $\eta \lambda w$, whatever the optimizer does with the gradient.

    `DecoupledDecay(Adam())` is AdamW.

    Args:
        optimizer: makes the rest of the step.
        weight_decay: $\lambda$, >= 0.

    Raises:
        ValueError: the optimizer averages weights, which would miss the decay.

    References:
        Loshchilov and Hutter 2019, "Decoupled weight decay regularization",
        https://arxiv.org/abs/1711.05101
    """

    optimizer: Optimizer
    _: KW_ONLY
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _check_optimizer(self, averaging=False)
        check(self, not_negative=("weight_decay",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return is_elementwise(self.optimizer)

    def init(self, w: Param) -> State:
        """The state of the optimizer."""
        return self.optimizer.init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, state = self.optimizer.update(g, state, w, lr, t)
        return step - lr * self.weight_decay * w, state


@dataclass(frozen=True)
class EMA:
    r"""Evaluate an average of the weights that fades: $a \leftarrow \delta a + (1-\delta) w$ after each update.

    It starts at the weights after the first update, as `torch.optim.swa_utils.AveragedModel` does.
    Training goes on as if there were no average.

    Args:
        optimizer: trains the weights.
        decay: $\delta$, in [0, 1); about $1/(1-\delta)$ updates are remembered.

    Raises:
        ValueError: the optimizer averages weights already.

    References:
        Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging".
        Tarvainen and Valpola 2017, "Mean teachers are better role models", https://arxiv.org/abs/1703.01780
    """

    optimizer: Optimizer
    _: KW_ONLY
    decay: float = 0.999

    def __post_init__(self) -> None:
        _check_optimizer(self, averaging=False)
        check(self, below_one=("decay",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return is_elementwise(self.optimizer)

    def init(self, w: Param) -> State:
        """The state of the optimizer, and the weights."""
        return {**self.optimizer.init(w), "ema": w.detach().clone()}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, inner = self.optimizer.update(g, state, w, lr, t)
        new = w + step
        average = new if t == 1 else ema(state["ema"], new, self.decay)
        return step, {**inner, "ema": average}

    def evaluated(self, state: State, w: Param) -> Param:
        """The average."""
        return state["ema"]


@dataclass(frozen=True)
class SWA:
    r"""Evaluate the mean of the weights after every update from one on: $a \leftarrow a + (w - a)/n$.

    Before that update, the weights themselves are evaluated.

    Args:
        optimizer: trains the weights.
        start: the number of the first update whose weights count, >= 1.

    Raises:
        ValueError: the optimizer averages weights already.

    References:
        Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
        https://arxiv.org/abs/1803.05407
    """

    optimizer: Optimizer
    _: KW_ONLY
    start: int = 1

    def __post_init__(self) -> None:
        _check_optimizer(self, averaging=False)
        if self.start < 1:
            raise ValueError(f"SWA: start must be >= 1, got {self.start}")

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return is_elementwise(self.optimizer)

    def init(self, w: Param) -> State:
        """The state of the optimizer, and the weights."""
        return {**self.optimizer.init(w), "swa": w.detach().clone()}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, inner = self.optimizer.update(g, state, w, lr, t)
        n = max(t - self.start + 1, 1)
        average = torch.lerp(state["swa"], w + step, 1 / n)
        return step, {**inner, "swa": average}

    def evaluated(self, state: State, w: Param) -> Param:
        """The mean."""
        return state["swa"]


def is_elementwise(optimizer: Optimizer) -> bool:
    """Whether an optimizer treats each number alone; an optimizer that does not say so does not.

    Args:
        optimizer: any, wrapped or not.
    """
    return getattr(optimizer, "elementwise", False)


def _check_optimizer(wrapper: L2 | DecoupledDecay | EMA | SWA, averaging: bool = True) -> None:
    """Fail early on an optimizer that cannot be wrapped."""
    name, optimizer = type(wrapper).__name__, wrapper.optimizer
    if isinstance(optimizer, type) or not hasattr(optimizer, "update"):
        raise TypeError(f"{name}: optimizer must be one such as Adam(), got {optimizer!r}")
    if hasattr(optimizer, "evaluated") and not averaging:
        remedy = f"write it around that, as {type(optimizer).__name__}({name}(Adam()))"
        if not hasattr(optimizer, "optimizer"):
            remedy = "use the fields of that instead"
        raise ValueError(f"{name}: {type(optimizer).__name__} evaluates an average of its own; {remedy}")
