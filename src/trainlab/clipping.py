r"""Gradient clipping: what the optimizer sees instead of the gradients of one run."""

from dataclasses import dataclass

import torch
from torch.linalg import vector_norm

from trainlab.types import Tensors


@dataclass(frozen=True)
class ClipNorm:
    r"""Shorten the gradient of all parameters together where it is too long: $g \leftarrow g \min(1, c / \|g\|)$.

    The direction stays. It equals `torch.nn.utils.clip_grad_norm_`, which adds 1e-6 to the norm.

    Args:
        max_norm: $c$, the longest Euclidean norm that is let through, > 0.

    Raises:
        ValueError: the norm is not > 0.

    References:
        Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural networks",
        algorithm 1, https://arxiv.org/abs/1211.5063
    """

    max_norm: float = 1.0

    def __post_init__(self) -> None:
        if not self.max_norm > 0:
            raise ValueError(f"ClipNorm: max_norm must be > 0, got {self.max_norm}")

    def __call__(self, gradients: Tensors) -> Tensors:
        """The gradients, scaled."""
        norm = vector_norm(torch.stack([vector_norm(g) for g in gradients.values()]))
        scale = (self.max_norm / (norm + 1e-6)).clamp(max=1.0).to(norm.dtype)
        return {name: scale * g for name, g in gradients.items()}


@dataclass(frozen=True)
class ClipValue:
    """Cut every component of the gradient to an interval; this turns its direction.

    It equals `torch.nn.utils.clip_grad_value_`.

    Args:
        limit: the largest absolute value that is let through, > 0.

    Raises:
        ValueError: the limit is not > 0.
    """

    limit: float = 1.0

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise ValueError(f"ClipValue: limit must be > 0, got {self.limit}")

    def __call__(self, gradients: Tensors) -> Tensors:
        """The gradients, each component cut."""
        limit = torch.as_tensor(self.limit, dtype=torch.float64)
        return {name: g.clamp(-limit.to(g), limit.to(g)) for name, g in gradients.items()}
