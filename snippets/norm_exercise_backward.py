"""Solution: the gradient through batch norm, by hand, and the two directions that it never has."""

import torch
from torch.nn.functional import batch_norm

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x = (3 + 2 * torch.randn(16, 5)).requires_grad_()
out = batch_norm(x, None, None, training=True, eps=1e-15)
g = torch.randn(16, 5)  # the gradient with respect to the outputs
(theirs,) = torch.autograd.grad((out * g).sum(), x)

hat = out.detach()
mine = (g - g.mean(0) - hat * (g * hat).mean(0)) / x.detach().std(0, correction=0)
print(f"equal to autograd: {torch.allclose(mine, theirs)}")
print(f"sums to zero over the batch: {mine.sum(0).abs().max().item() < 1e-12}")
print(f"at right angles to the outputs: {(mine * hat).sum(0).abs().max().item() < 1e-12}")
