"""The few shared aliases, and the glossary of axis names.

Axes of results:

- `run`: one training run; every field of `Run` is a coordinate on it.
- `step`: number of updates done when something was measured; 0 is before the first one.
- `update`: the 1st, 2nd, ... update of the weights.
- `layer`: a hidden layer's activation, in forward order.
- `weight`: a parameter with two or more dimensions, in forward order.

Axes of tensors, as written in jaxtyping shapes:

- `batch`: examples in a mini-batch.
- `rows`: examples in a split of a data set.
- `classes`: outputs of a classifier.
- `runs`: runs in a stack.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = dict[str, Tensor]
"""What an optimizer remembers of one parameter between updates."""

Tensors = dict[str, Tensor]
"""Parameters or buffers by name, as `nn.Module.named_parameters` names them."""

Init = Callable[[nn.Module, torch.Generator], None]
"""Fills the weight and bias of ONE layer in place, drawing from the generator."""

Schedule = Callable[[int, int], float]
"""(step, steps) -> multiplier of the peak learning rate; the first update is step 0."""

Clip = Callable[[Tensors], Tensors]
"""The gradients of all parameters of ONE run, by name -> what the optimizer shall see instead."""

Model = Callable[[], nn.Module]
"""Builds a fresh network: a frozen dataclass with `__call__`, or a module-level function."""

Loss = Callable[[Float[Tensor, "batch *outputs"], Tensor], Float[Tensor, " batch"]]
"""(outputs, targets) -> the loss of each example; the training loop takes the mean."""
