"""Solution: by which factor is batch norm's variance wrong when dropout stands right before it?

In training the norm sees x * mask / q, with E = mean of x and S = mean of x^2: its variance is S / q - E^2. Afterwards
it sees x, with variance S - E^2. The quotient is the factor.
"""

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

inputs = {"pre-activations": torch.randn(2000, 64), "after a ReLU": torch.randn(2000, 64).relu()}
for name, x in inputs.items():
    mean, square = x.mean(), x.square().mean()
    for rate in (0.1, 0.3, 0.5):
        keep = 1 - rate
        predicted = (square / keep - mean**2) / (square - mean**2)
        dropout, norm = nn.Dropout(rate), nn.BatchNorm1d(64, momentum=None)  # the plain mean over all batches
        for _ in range(50):
            norm(dropout(x))
        measured = norm.running_var.mean() / x.var(0).mean()
        norm.eval()
        left = norm(x).std()
        print(f"{name:16} rate {rate}: factor {predicted:.2f} predicted, {measured:.2f} measured; eval std {left:.2f}")
