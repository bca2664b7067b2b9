"""What keeps weights small beside weight decay: L1 in two forms, and a limit on the norm of each unit's weights."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import cast

from trainlab.optimizers.base import AveragingOptimizer, Optimizer, Param, Rate, Step, check
from trainlab.types import State


@dataclass(frozen=True)
class L1:
    r"""The gradient of a penalty $\lambda \lVert w \rVert_1$ on the loss: $g \leftarrow g + \lambda\,\mathrm{sign}(w)$.

    It pulls every weight towards zero by the same force, however small the weight is. Near zero the sign flips at
    each update, so a weight jumps around zero and is hardly ever exactly zero; see `SoftThreshold`. An optimizer that
    divides by the size of its gradients divides the penalty too.

    Args:
        optimizer: receives that gradient.
        penalty: $\lambda$, >= 0.

    Raises:
        TypeError: there is no optimizer.
        ValueError: the penalty is negative.

    References:
        Tibshirani 1996, "Regression shrinkage and selection via the lasso".
    """

    optimizer: Optimizer
    _: KW_ONLY
    penalty: float = 1e-4

    def __post_init__(self) -> None:
        _check_optimizer(self)
        check(self, not_negative=("penalty",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return getattr(self.optimizer, "elementwise", False)

    def init(self, w: Param) -> State:
        """The state of the optimizer."""
        return self.optimizer.init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        return self.optimizer.update(g + self.penalty * w.sign(), state, w, lr, t)

    @property
    def evaluated(self) -> Callable[[State, Param], Param]:
        """As the optimizer has it, if it has it."""
        return cast(AveragingOptimizer, self.optimizer).evaluated


@dataclass(frozen=True)
class SoftThreshold:
    r"""Weights that also move towards zero by $\eta\lambda$ after each update, and stop there.

    $w \leftarrow \mathrm{sign}(w) \max(|w| - \eta\lambda, 0)$: the proximal step of the L1 penalty. A weight that the
    gradient does not hold is exactly zero afterwards. As in `DecoupledDecay`, the optimizer does not see the penalty.

    Args:
        optimizer: makes the step before that.
        penalty: $\lambda$, >= 0.

    Raises:
        TypeError: there is no optimizer.
        ValueError: the penalty is negative, or the optimizer averages weights, which would miss the step.

    References:
        Daubechies, Defrise and De Mol 2004, "An iterative thresholding algorithm for linear inverse problems with a
        sparsity constraint", https://arxiv.org/abs/math/0307152
    """

    optimizer: Optimizer
    _: KW_ONLY
    penalty: float = 1e-2

    def __post_init__(self) -> None:
        _check_optimizer(self, averaging=False)
        check(self, not_negative=("penalty",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone."""
        return getattr(self.optimizer, "elementwise", False)

    def init(self, w: Param) -> State:
        """The state of the optimizer."""
        return self.optimizer.init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, state = self.optimizer.update(g, state, w, lr, t)
        new = w + step
        return new.sign() * (new.abs() - lr * self.penalty).clamp(min=0) - w, state


@dataclass(frozen=True)
class MaxNorm:
    r"""Weights into each unit that are scaled back after each update where their norm is above a limit.

    $w_i \leftarrow w_i \min(1, c / \lVert w_i \rVert)$ for each row $w_i$ of a weight matrix. A tensor with more than
    two dimensions counts as one row for each entry of its first axis; biases are left alone.

    Args:
        optimizer: makes the step before that.
        limit: $c$, > 0.

    Raises:
        TypeError: there is no optimizer.
        ValueError: the limit is not positive, or the optimizer averages weights, which would miss the step.

    References:
        Srebro and Shraibman 2005, "Rank, trace-norm and max-norm".
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", section 5.1.
    """

    optimizer: Optimizer
    _: KW_ONLY
    limit: float = 3.0

    def __post_init__(self) -> None:
        _check_optimizer(self, averaging=False)
        check(self, positive=("limit",))

    @property
    def elementwise(self) -> bool:
        """Whether `update` treats each number alone: no, a row has one norm."""
        return False

    def init(self, w: Param) -> State:
        """The state of the optimizer."""
        return self.optimizer.init(w)

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        step, state = self.optimizer.update(g, state, w, lr, t)
        if w.ndim < 2:
            return step, state
        new = w + step
        norms = new.flatten(1).norm(dim=1).clamp(min=1e-12)
        scale = (self.limit / norms).clamp(max=1)
        return new * scale.view(-1, *[1] * (w.ndim - 1)) - w, state


def _check_optimizer(wrapper: L1 | SoftThreshold | MaxNorm, averaging: bool = True) -> None:
    """Fail early on an optimizer that cannot be wrapped."""
    name, optimizer = type(wrapper).__name__, wrapper.optimizer
    if isinstance(optimizer, type) or not hasattr(optimizer, "update"):
        raise TypeError(f"{name}: optimizer must be one such as Adam(), got {optimizer!r}")
    if hasattr(optimizer, "evaluated") and not averaging:
        inner = type(optimizer).__name__
        raise ValueError(f"{name}: {inner} evaluates an average of its own; write {inner}({name}(Adam())) if it wraps")
