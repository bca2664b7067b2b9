"""Monte Carlo dropout: only the dropout layers stay on, and probabilities are averaged.

Half of the labels near the border of two classes are noise, so nobody can be right everywhere; a network that knows
that is less sure there.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

torch.set_num_threads(1)
torch.manual_seed(0)


def draw(rows: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(rows, 10)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] + 0.7 * torch.randn(rows) > 0).long()


train_x, train_y = draw(300)
test_x, test_y = draw(5000)
model = nn.Sequential(
    *(nn.Linear(10, 128), nn.ReLU(), nn.Dropout(0.3)),
    *(nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.3)),
    nn.Linear(128, 2),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(300):
    rows = torch.randint(300, (50,))
    optimizer.zero_grad()
    cross_entropy(model(train_x[rows]), train_y[rows]).backward()
    optimizer.step()


@torch.no_grad()
def averaged(model: nn.Module, x: Tensor, passes: int) -> Tensor:
    """Log-probabilities, the mean over masks taken of probabilities and not of logits."""
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()
    return torch.stack([model(x).softmax(1) for _ in range(passes)]).mean(0).log()


with torch.no_grad():
    off = model.eval()(test_x).log_softmax(1)
for name, logs in (
    ("dropout off", off),
    ("1 mask", averaged(model, test_x, 1)),
    ("30 masks", averaged(model, test_x, 30)),
):
    right = (logs.argmax(1) == test_y).float().mean()
    sure = logs.exp().max(1).values.mean()
    print(f"{name:12} right {right:.0%}   sure {sure:.0%}   loss {nll_loss(logs, test_y):.2f}")
