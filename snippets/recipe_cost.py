"""What an update costs, counted and not timed: parameters, numbers kept for the backward pass, multiply-adds.

Only products of matrices count as multiply-adds, which is nearly all of the work. Muon's do not depend on the batch.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

torch.set_num_threads(1)
INPUTS, CLASSES, DEPTH, WIDTH = 40, 10, 20, 100


class Hidden(nn.Module):
    def __init__(self, inputs: int, norm: bool, residual: bool) -> None:
        super().__init__()
        between = nn.BatchNorm1d(WIDTH) if norm else nn.Identity()
        self.branch = nn.Sequential(nn.Linear(inputs, WIDTH), between, nn.ReLU())
        self.skip = residual and inputs == WIDTH

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.skip else self.branch(x)


def network(norm: bool, residual: bool) -> nn.Sequential:
    hidden = [Hidden(WIDTH if layer else INPUTS, norm, residual) for layer in range(DEPTH)]
    return nn.Sequential(*hidden, nn.Linear(WIDTH, CLASSES))


def gradient(net: nn.Module, batch: int) -> tuple[int, int]:
    """(numbers kept for the backward pass, multiply-adds) of forward and backward pass."""
    own = {w.data_ptr() for w in net.state_dict().values()}
    kept: dict[int, Tensor] = {}

    def keep(saved: Tensor) -> Tensor:
        if saved.data_ptr() not in own:
            kept[saved.data_ptr()] = saved  # the same tensor may be kept for two layers, and counts once
        return saved

    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
            loss = cross_entropy(net(torch.randn(batch, INPUTS)), torch.zeros(batch, dtype=torch.long))
        loss.backward()
    return sum(saved.numel() for saved in kept.values()), counter.get_total_flops() // 2


def muon(net: nn.Module, steps: int = 5) -> int:
    """Multiply-adds of making the momentum of every matrix orthogonal."""
    with FlopCounterMode(display=False) as counter:
        for matrix in [w.detach() for w in net.parameters() if w.ndim == 2]:
            x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
            for _ in range(steps):
                gram = x @ x.T
                x = x + (gram + gram @ gram) @ x  # the factors a, b, c cost next to nothing
    return counter.get_total_flops() // 2


print("batch of 32          parameters   kept numbers   multiply-adds")
for name, norm, residual in (("plain", 0, 0), ("batch norm", 1, 0), ("residual", 0, 1), ("both", 1, 1)):
    net = network(bool(norm), bool(residual))
    kept, products = gradient(net, 32)
    parameters = sum(w.numel() for w in net.parameters())
    print(f"{name:16} {parameters / 1e3:10.0f} k {kept / 1e3:12.0f} k {products / 1e6:13.1f} M")
print(f"Muon's iteration, beside AdamW's none: {muon(net) / 1e6:26.0f} M")
for batch in (32, 320, 3200):
    _, products = gradient(net, batch)
    print(f"batch of {batch:<4} with Muon an update has {1 + muon(net) / products:4.1f} times the multiply-adds")
