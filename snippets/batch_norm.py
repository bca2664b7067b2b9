"""Batch norm by hand, against nn.BatchNorm1d: outputs, running averages, and what eval() changes."""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class BatchNorm(nn.Module):
    """Mean 0 and variance 1 for each unit over the mini-batch, then a learned scale and shift."""

    def __init__(self, units: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight, self.bias = nn.Parameter(torch.ones(units)), nn.Parameter(torch.zeros(units))
        self.register_buffer("running_mean", torch.zeros(units))
        self.register_buffer("running_var", torch.ones(units))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean += self.momentum * (mean - self.running_mean)
                # The running variance takes the unbiased estimate, the normalization the biased one.
                self.running_var += self.momentum * (x.var(0) - self.running_var)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


torch.manual_seed(0)
mine, theirs = BatchNorm(3), nn.BatchNorm1d(3)
for _ in range(20):
    x = 5 + 2 * torch.randn(64, 3)
    assert torch.allclose(mine(x), theirs(x))
assert torch.allclose(mine.running_mean, theirs.running_mean)
assert torch.allclose(mine.running_var, theirs.running_var)
print("20 mini-batches of mean 5 and variance 4: outputs and running averages equal PyTorch's")
print("running mean    ", [round(value, 2) for value in mine.running_mean.tolist()])
print("running variance", [round(value, 2) for value in mine.running_var.tolist()])

alone = x[:1]
mine.eval(), theirs.eval()
assert torch.allclose(mine(alone), theirs(alone))
print("one example in eval mode", [round(value, 2) for value in mine(alone)[0].tolist()])
