"""A residual block, and what its identity path does to the gradient of a net of 20 layers before training.

x + branch(x) has the derivative 1 + branch'(x): what comes back from above is passed on whole, and the branch adds its
own part.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
INPUTS, CLASSES, DEPTH, WIDTH = 10, 5, 20, 100


class Residual(nn.Module):
    """x + branch(x); input and output of the branch have one size."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def hidden_layers(residual: bool, norm: bool, zero: bool = False) -> list[nn.Module]:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for layer in range(DEPTH):
        linear = nn.Linear(WIDTH if layer else INPUTS, WIDTH)  # PyTorch's default weights
        if zero and layer:
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        branch = nn.Sequential(linear, nn.BatchNorm1d(WIDTH) if norm else nn.Identity(), nn.ReLU())
        layers.append(Residual(branch) if residual and layer else branch)
    return layers


torch.manual_seed(1)
examples, labels = torch.randn(128, INPUTS), torch.randint(CLASSES, (128,))

x = torch.randn(4, WIDTH, requires_grad=True)
block = Residual(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()))
above = torch.randn(4, WIDTH)
(whole,) = torch.autograd.grad(block(x), x, above)
(part,) = torch.autograd.grad(block.branch(x), x, above)
print("gradient through the block is that from above plus that of the branch:", torch.allclose(whole, above + part))

print("gradient at the output of hidden layer        1      10      20   weights of layer 1")
for name, residual, norm, zero in (
    ("plain", False, False, False),
    ("residual", True, False, False),
    ("residual, branches at zero", True, False, True),
    ("plain, batch norm", False, True, False),
    ("residual, batch norm", True, True, False),
):
    layers, outputs = hidden_layers(residual, norm, zero), [examples]
    for layer in layers:
        outputs.append(layer(outputs[-1]))
        outputs[-1].retain_grad()
    cross_entropy(nn.Linear(WIDTH, CLASSES)(outputs[-1]), labels).backward()
    norms = [outputs[layer].grad.norm().item() for layer in (1, 10, 20)]
    first = next(layers[0].parameters()).grad.norm().item()
    print(f"{name:38}", "".join(f"{norm:8.0e}" for norm in norms), f"{first:20.0e}")
