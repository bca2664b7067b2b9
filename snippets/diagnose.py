"""What to measure before you change anything: one mini-batch forward, back, and through one step, on a copy.

`diagnose` is the part to copy. It takes a classifier, a mini-batch and the optimizer that you use.
"""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)


def diagnose(model: nn.Module, inputs: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> None:
    model, optimizer = copy.deepcopy((model, optimizer))
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)]
    arrives: dict[nn.Module, Tensor] = {}
    for layer in layers:
        layer.register_forward_pre_hook(lambda layer, args: arrives.update({layer: args[0].detach().flatten(1)}))
    logits = model(inputs)
    loss = cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    layers = [layer for layer in layers if layer in arrives and layer.weight.grad is not None]
    weights = [layer.weight.detach().clone() for layer in layers]
    optimizer.step()

    guess = math.log(logits.shape[1])
    signal = [arrives[layer].var(0, correction=0).mean().sqrt().item() for layer in layers]
    hidden = [arrives[layer] for layer in layers[1:]]
    dead = torch.cat([(x == x[0]).all(0) for x in hidden]).float().mean().item() if hidden else 0.0
    gradient = [g.norm().item() for layer in layers if (g := layer.weight.grad) is not None]
    moved = [(n.weight - old).norm() / old.norm() for n, old in zip(layers, weights, strict=True) if old.any()]
    furthest = max((share.item() for share in moved), default=0.0)
    wrong = [
        ("the first loss is far from guessing", not loss < 2 * guess),
        ("the examples end up alike", not signal[-1] > 0.01 * signal[0]),
        ("many units are dead", dead > 0.25),
        ("the gradient falls towards the input", gradient[0] < 0.01 * gradient[-1]),
        ("all gradients are small", max(gradient) < 0.01),
        ("gradients are large", not max(gradient) < 10),
        ("a step goes too far", not furthest < 0.1),
    ]
    print(f"first loss {loss:.1e}, guessing {guess:.1e}; dead {dead:.0%}; furthest step {furthest:.0e}")
    places = sorted({round(part * (len(layers) - 1) / 4) for part in range(5)})
    for name, found in (("signal", signal), ("gradient", gradient)):
        print(f"  {name:9}", "".join(f"{found[place]:8.0e}" for place in places))
    print(" ", "; ".join(words for words, is_so in wrong if is_so) or "nothing looks wrong")


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(x).relu()


def network(kind: str, depth: int = 12, width: int = 64) -> nn.Sequential:
    torch.manual_seed(0)
    modules: list[nn.Module] = [nn.Linear(40, width), nn.ReLU()]
    for _ in range(depth - 1):
        modules += [Block(width)] if kind == "residual" else [nn.Linear(width, width), nn.ReLU()]
    model = nn.Sequential(*modules, nn.Linear(width, 10))
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and kind != "default":
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return model


torch.manual_seed(1)
inputs, labels = torch.randn(256, 40), torch.randint(10, (256,))
for kind in ("plain", "default", "residual"):
    model = network(kind)
    print(f"{kind:9}", end="")
    diagnose(model, inputs, labels, torch.optim.SGD(model.parameters(), lr=0.01))
