"""How many ReLU units are dead, which is to say zero for every example of the data?

Two traps: the default initialization makes dead units, and a small batch counts units as dead that only sleep.
"""

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@torch.no_grad()
def dead_share(model: nn.Sequential, inputs: Tensor) -> float:
    """The share of ReLU units that are 0 for all of the inputs."""
    dead, units = 0, 0
    for module in model:
        inputs = module(inputs)
        if isinstance(module, nn.ReLU):
            dead += int((inputs == 0).all(0).sum())
            units += inputs.shape[1]
    return dead / units


def network(he: bool, depth: int = 15, width: int = 64) -> nn.Sequential:
    torch.manual_seed(0)
    modules: list[nn.Module] = []
    for layer in range(depth):
        linear = nn.Linear(40 if layer == 0 else width, width)
        if he:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules)


torch.manual_seed(1)
data = torch.randn(999, 40)
print("dead units, before training, seen on    32 examples   999 examples")
for he in (False, True):
    model = network(he)
    shares = [f"{dead_share(model, data[:rows]):.0%}" for rows in (32, 999)]
    print(f"{'He' if he else 'default':36} {shares[0]:>11} {shares[1]:>15}")
