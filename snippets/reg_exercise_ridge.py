"""Solution: dropout on the inputs of a linear regression is a penalty on the weights, on average.

With kept inputs divided by 1 - p, the mean over masks of the squared error is the squared error without dropout plus
p / (1 - p) * sum_j w_j^2 sum_i x_ij^2. So its minimum is a ridge regression with a penalty of its own for each weight.
"""

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
ROWS, INPUTS, RATE = 40, 8, 0.3

x = torch.randn(ROWS, INPUTS) * torch.linspace(0.3, 2, INPUTS)
y = x @ torch.randn(INPUTS) + torch.randn(ROWS)

gram = x.T @ x
plain = torch.linalg.solve(gram, x.T @ y)
ridge = torch.linalg.solve(gram + RATE / (1 - RATE) * gram.diag().diag(), x.T @ y)

masks = 20_000
squares, products = torch.zeros_like(gram), torch.zeros(INPUTS)
for _ in range(masks // 100):
    kept = (torch.rand(100, ROWS, INPUTS) >= RATE) / (1 - RATE)
    dropped = x * kept
    squares += torch.einsum("kij,kil->jl", dropped, dropped)
    products += torch.einsum("kij,i->j", dropped, y)
dropout = torch.linalg.solve(squares / masks, products / masks)

for name, w in (("no dropout", plain), ("dropout, 20,000 masks", dropout), ("ridge, by the formula", ridge)):
    print(f"{name:22}", " ".join(f"{value:6.2f}" for value in w.tolist()))
print(f"largest difference between the last two: {(dropout - ridge).abs().max():.3f}")
