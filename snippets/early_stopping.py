"""Early stopping in a training loop: keep a copy of the best weights, stop when nothing better comes.

The copy must be a copy: `state_dict()` alone returns the tensors that go on being trained.
"""

import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
torch.manual_seed(0)
PATIENCE, EVERY = 5, 20


def draw(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, 20)
    return x, (x[:, :4] + torch.randn(rows, 4)).argmax(1)


train_x, train_y = draw(200)
validation_x, validation_y = draw(500)
test_x, test_y = draw(2000)
model = nn.Sequential(nn.Linear(20, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)


@torch.no_grad()
def loss_on(x: torch.Tensor, y: torch.Tensor) -> float:
    return cross_entropy(model(x), y).item()


best, kept, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
for step in range(2000):
    if step % EVERY == 0:
        loss = loss_on(validation_x, validation_y)
        if loss < best:
            best, kept, waited = loss, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
        if waited == PATIENCE:
            break
    rows = torch.randint(len(train_y), (32,))
    optimizer.zero_grad()
    cross_entropy(model(train_x[rows]), train_y[rows]).backward()
    optimizer.step()

print(f"stopped after {step} updates")
print(f"the last weights: training loss {loss_on(train_x, train_y):.2f}, test {loss_on(test_x, test_y):.2f}")
model.load_state_dict(kept)
print(f"the kept weights: training loss {loss_on(train_x, train_y):.2f}, test {loss_on(test_x, test_y):.2f}")
