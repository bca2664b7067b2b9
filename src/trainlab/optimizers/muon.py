"""Momentum whose matrices are made orthogonal."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from trainlab.optimizers.adam import AdamW
from trainlab.optimizers.base import Param, Rate, Step, check, ema
from trainlab.types import State


@dataclass(frozen=True, kw_only=True)
class Muon:
    r"""Replace the momentum of each matrix by a nearly orthogonal matrix with the same singular vectors.

    $$b \leftarrow \mu b + (1-\mu) g \qquad o \approx U V^\top \;\text{ where }\; \mu b + (1-\mu) g = U \Sigma V^\top$$
    $$w \leftarrow w - \eta \, (s \, o + \lambda w)$$

    so that no direction of the matrix starves beside a strong one. Without `nesterov`, $b$ itself is made
    orthogonal. The scale is $s = 0.2 \sqrt{\max(\text{rows}, \text{columns})}$, with which a step has
    about the size of an AdamW step and the same rate does for both. A kernel with more than two
    dimensions counts as a matrix of `[out, the rest]`. Biases, and the scales of norms, go by AdamW.

    Args:
        momentum: $\mu$, in [0, 1).
        nesterov: whether to look ahead as Nesterov does.
        weight_decay: $\lambda$ of the matrices, >= 0, decoupled as in AdamW.
        steps: iterations of Newton and Schulz, >= 1.
        coefficients: $a, b, c$ of the iteration.
        eps: least norm that the iteration divides by, > 0.
        scaling: "match_rms_adamw" for the scale above, "original" for
            $s = \sqrt{\max(1, \text{rows}/\text{columns})}$.
        adamw: for every parameter that is not a matrix.

    References:
        Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks",
        https://kellerjordan.github.io/posts/muon/
        Liu et al. 2025, "Muon is scalable for LLM training", https://arxiv.org/abs/2502.16982
    """

    elementwise: ClassVar[bool] = False
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.1
    steps: int = 5
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    eps: float = 1e-7
    scaling: Literal["match_rms_adamw", "original"] = "match_rms_adamw"
    adamw: AdamW = AdamW()

    def __post_init__(self) -> None:
        check(self, below_one=("momentum",), positive=("eps",), not_negative=("weight_decay",))
        if self.steps < 1:
            raise ValueError(f"Muon: steps must be >= 1, got {self.steps}")
        if len(self.coefficients) != 3:
            raise ValueError(f"Muon: coefficients must be three numbers, got {self.coefficients}")
        if self.scaling not in ("match_rms_adamw", "original"):
            raise ValueError(f"Muon: scaling must be 'match_rms_adamw' or 'original', got {self.scaling!r}")

    def init(self, w: Param) -> State:
        """A velocity of zero, or what AdamW remembers."""
        return self.adamw.init(w) if w.ndim < 2 else {"b": torch.zeros_like(w)}

    def update(self, g: Param, state: State, w: Param, lr: Rate, t: int) -> Step:
        """One update."""
        if w.ndim < 2:
            return self.adamw.update(g, state, w, lr, t)
        b = ema(state["b"], g, self.momentum)
        d = self.momentum * b + (1 - self.momentum) * g if self.nesterov else b
        o = orthogonal(d.flatten(1), self.steps, self.coefficients, self.eps).view_as(w)
        rows, columns = w.flatten(1).shape
        s = 0.2 * max(rows, columns) ** 0.5 if self.scaling == "match_rms_adamw" else max(1, rows / columns) ** 0.5
        return -lr * (s * o + self.weight_decay * w), {"b": b}


def orthogonal(
    matrix: Float[Tensor, "rows columns"], steps: int, coefficients: tuple[float, float, float], eps: float | Tensor
) -> Float[Tensor, "rows columns"]:
    r"""Push all singular values of a matrix towards 1 by the iteration of Newton and Schulz.

    $$X \leftarrow a X + (b A + c A^2) X \quad\text{where } A = X X^\top$$

    The usual coefficients do not converge: they bring the values near 1 in five steps, and leave them there.

    Args:
        matrix: any; it is divided by its Frobenius norm first, so that no singular value is above 1.
        steps: iterations.
        coefficients: $a, b, c$.
        eps: least norm to divide by.

    References:
        Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks",
        https://kellerjordan.github.io/posts/muon/
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix  # the smaller of the two products
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
