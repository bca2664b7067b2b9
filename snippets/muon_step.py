"""Muon: a step in which no direction of the matrix is much shorter than another.

The momentum of a weight matrix has a few strong directions and many weak ones. The iteration of Newton and Schulz
pushes all its singular values towards 1, with products of matrices only, and keeps the directions.
"""

import torch
from torch import Tensor

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """X <- a X + (b A + c A A) X with A = X X^T, from a matrix whose singular values are at most 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / matrix.norm()
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


torch.manual_seed(0)
left, right = (torch.linalg.qr(torch.randn(6, 6))[0] for _ in range(2))
values = torch.tensor([1.0, 0.5, 0.2, 0.1, 0.05, 0.02])
momentum = left @ torch.diag(values) @ right.T

print("singular values    " + "".join(f"{value:7.2f}" for value in torch.linalg.svdvals(momentum)))
for steps in (1, 3, 5):
    step = orthogonal(momentum, steps)
    print(f"after {steps} iterations " + "".join(f"{value:7.2f}" for value in torch.linalg.svdvals(step)))

exact = left @ right.T
cosine = (step * exact).sum() / (step.norm() * exact.norm())
print(f"cosine between the result and the orthogonal matrix with the same directions: {cosine:.2f}")
