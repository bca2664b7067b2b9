"""An orthogonal matrix turns vectors and keeps their lengths. A product of them does so too.

A Gaussian matrix keeps lengths on average only: some directions grow, most shrink, and a product makes that worse.
"""

import torch
from torch import Tensor

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def gaussian(n: int) -> Tensor:
    return torch.randn(n, n) / n**0.5


def orthogonal(n: int) -> Tensor:
    """The Q of a QR factorization, with signs that make every rotation equally likely (Mezzadri 2007)."""
    q, r = torch.linalg.qr(torch.randn(n, n))
    return q * r.diagonal().sign()


torch.manual_seed(0)
print("matrices            largest singular value    middle one")
for name, draw in (("Gaussian", gaussian), ("orthogonal", orthogonal)):
    product = torch.eye(64)
    for count in range(1, 21):
        product = draw(64) @ product
        if count in (1, 5, 20):
            values = torch.linalg.svdvals(product)
            print(f"{count:2} {name:15} {values[0].item():16.2f} {values[31].item():16.2g}")
