"""The norm of the gradient, weight matrix by weight matrix: the first thing to look at when a deep net does not learn.

`gradient_norms` is the part to copy. Call it after backward() and before the optimizer's step.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)


def gradient_norms(model: nn.Module) -> list[float]:
    """One norm for each weight matrix, from the input to the output."""
    weights = [weight for weight in model.parameters() if weight.ndim > 1 and weight.grad is not None]
    return [weight.grad.norm().item() for weight in weights if weight.grad is not None]


def network(activation: type[nn.Module], init: str, depth: int = 20, width: int = 64) -> nn.Sequential:
    torch.manual_seed(0)
    modules: list[nn.Module] = []
    for layer in range(depth):
        modules += [nn.Linear(40 if layer == 0 else width, width), activation()]
    model = nn.Sequential(*modules, nn.Linear(width, 10))
    for module in model:
        if isinstance(module, nn.Linear):
            if init == "He":
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif init == "Glorot":
                nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return model


torch.manual_seed(1)
inputs, labels = torch.randn(128, 40), torch.randint(10, (128,))
print("weight matrix                 1       7      14      21")
for activation, init in ((nn.Sigmoid, "Glorot"), (nn.ReLU, "Glorot"), (nn.ReLU, "He")):
    model = network(activation, init)
    cross_entropy(model(inputs), labels).backward()
    norms = gradient_norms(model)
    print(f"{activation.__name__:8} {init:12}", "".join(f"{norms[index]:8.0e}" for index in (0, 6, 13, 20)))
