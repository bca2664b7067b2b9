"""train() and eval() with batch norm: three mistakes in a few lines each."""

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
data = torch.randn(512, 8)
for batch in data.split(64):  # fills the running averages
    net(batch)

print("1. In train mode, the answer for one example depends on its neighbours:")
example = data[:1]
for name, others in (("some", data[1:8]), ("other", data[8:15])):
    scores = net(torch.cat([example, others]))[0]
    print(f"   with {name:5} neighbours", [f"{score:+.2f}" for score in scores.tolist()])

print("2. In train mode, a test set moves the running averages:")
norm = net[1]
before = norm.running_mean.clone()
with torch.no_grad():
    net(10 + data)  # no_grad() does not stop them; eval() does
print(f"   moved by {(norm.running_mean - before).abs().mean():.2f} on average")

print("3. A mini-batch of one example:")
try:
    net(example)
except ValueError as error:
    print(f"   {error}")
net.eval()
print("   in eval mode", [f"{score:+.2f}" for score in net(example)[0].tolist()])
