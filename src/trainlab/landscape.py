"""Probes that take gradients of their own: how noisy the mini-batch gradient is, how sharp the loss.

Both measure the mini-batch with the network in the mode it is in, and change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vjp

from trainlab.probes import Snapshot
from trainlab.types import Tensors


@dataclass(frozen=True)
class GradientNoiseScale:
    r"""How much the gradients of single examples disagree: $\operatorname{tr} \Sigma / |G|^2$, in examples.

    $\Sigma$ is the covariance of the gradient of one example, $G$ its mean over the training data.
    Below this batch size a larger batch pays, above it hardly. The mini-batch is cut into equal
    parts, and the scatter of their gradients tells both numbers without bias. Parts, because with
    batch norm an example alone has no gradient; each part is then normalized by its own statistics,
    so the noise is that of batches of a part's size. Dropout draws a mask of its own for each part.

    The quotient of two unbiased numbers is biased, and where the noise drowns the gradient $|G|^2$
    may come out negative, and the noise scale with it: to average over steps or runs, average the
    two numbers and then divide.

    Args:
        parts: of the mini-batch, >= 2; examples that are left over are not used. With as many parts
            as examples each gradient is that of one example: most precise, and slowest.

    Raises:
        ValueError: there are fewer than two parts, or when called, fewer examples than parts.

    References:
        McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1,
        https://arxiv.org/abs/1812.06162
    """

    parts: int = 8

    def __post_init__(self) -> None:
        if self.parts < 2:
            raise ValueError(f"GradientNoiseScale: parts must be >= 2, got {self.parts}")

    def __call__(self, snapshot: Snapshot) -> Tensors:
        r"""Measure.

        Returns:
            `gradient_noise_scale`; `gradient_variance`, $\operatorname{tr} \Sigma$; and
            `gradient_squared_norm`, $|G|^2$.
        """
        size, count = len(snapshot.targets) // self.parts, self.parts
        if size == 0:
            raise ValueError(f"GradientNoiseScale: {count} parts need as many examples, got {len(snapshot.targets)}")
        gradients, buffers = [], snapshot.buffers
        for inputs, targets in zip(snapshot.inputs.split(size)[:count], snapshot.targets.split(size), strict=False):
            gradient, buffers = grad(_mean_loss(snapshot, buffers, inputs, targets), has_aux=True)(snapshot.weights)
            gradients.append(_flat(gradient))
        mean = torch.stack(gradients).mean(0)
        scatter = torch.stack([(gradient - mean).square().sum() for gradient in gradients]).sum() / (count - 1)
        variance, squared = size * scatter, mean.square().sum() - scatter / count
        return {
            "gradient_noise_scale": variance / squared,
            "gradient_variance": variance,
            "gradient_squared_norm": squared,
        }


@dataclass(frozen=True)
class Sharpness:
    r"""The largest eigenvalue of the Hessian of the mini-batch loss: the curvature in its steepest direction.

    Gradient descent with rate $\eta$ is stable on a parabola whose sharpness is below $2/\eta$.
    Power iteration would find the eigenvalue that is largest in magnitude, which may be negative.
    This is the Lanczos method: the best estimate among all combinations of the vectors
    $v, Hv, H^2 v, \dots$ that power iteration would visit, from a fixed random $v$. It is never too
    large, but for rounding. The network stays in its mode: batch norm normalizes by the
    mini-batch, dropout draws its next masks.

    Args:
        iterations: products with the Hessian, >= 1, each about as dear as two gradients.

    Raises:
        ValueError: there is no iteration.

    References:
        Lanczos 1950, "An iteration method for the solution of the eigenvalue problem".
        Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of
        stability", https://arxiv.org/abs/2103.00065
    """

    iterations: int = 20

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"Sharpness: iterations must be >= 1, got {self.iterations}")

    def __call__(self, snapshot: Snapshot) -> Tensors:
        r"""Measure.

        Returns:
            `sharpness`, the Rayleigh quotient $\lambda = v \cdot Hv$ of the last unit vector; and
            `sharpness_residual`, $|Hv - \lambda v| / |\lambda|$: some eigenvalue lies within this
            share of $\lambda$, so a value that is not small says that more iterations are needed.
        """
        gradient = grad(_mean_loss(snapshot, snapshot.buffers, snapshot.inputs, snapshot.targets), has_aux=True)
        # The Hessian is symmetric: a product from the left, which reuses one graph, is one from the right.
        flat, times_hessian, *_ = vjp(lambda weights: _flat(gradient(weights)[0]), snapshot.weights)
        start = np.random.default_rng(0).standard_normal(len(flat))
        vector = torch.as_tensor(start, dtype=flat.dtype, device=flat.device)
        basis: list[Tensor] = []
        products: list[Tensor] = []
        for _ in range(min(self.iterations, len(flat))):
            for _ in range(2):  # twice, or rounding errors remain
                for other in basis:
                    vector = vector - (other @ vector) * other
                # An exact zero (a loss without curvature) stays one.
                vector = vector / vector.norm().clamp(min=torch.finfo(flat.dtype).tiny)
            basis.append(vector)
            products.append(vector := _flat(times_hessian(vector)[0]))
        visited, turned = torch.stack(basis), torch.stack(products)
        top = _top_eigenvector(visited @ turned.T)
        vector, product = top @ visited, top @ turned
        value = vector @ product
        return {"sharpness": value, "sharpness_residual": (product - value * vector).norm() / value.abs()}


def _flat(tensors: Tensors) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


def _mean_loss(
    snapshot: Snapshot, buffers: Tensors, inputs: Tensor, targets: Tensor
) -> Callable[[Tensors], tuple[Tensor, Tensors]]:
    """The loss of a batch as a function of the weights, which returns the buffers too."""

    def mean_loss(weights: Tensors) -> tuple[Tensor, Tensors]:
        outputs, left = snapshot.forward(weights, buffers, inputs)
        return snapshot.loss(outputs, targets).mean(), left

    return mean_loss


def _top_eigenvector(matrix: Tensor) -> Tensor:
    """Of a symmetric matrix; of one with a NaN (a diverged run), which eigh refuses, any vector."""
    matrix = torch.where(matrix.isfinite().all(), (matrix + matrix.T) / 2, torch.zeros_like(matrix))
    return torch.linalg.eigh(matrix).eigenvectors[:, -1]
