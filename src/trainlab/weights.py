"""Probes of how large the weights are: percentiles of their absolute values, exact zeros, norms of rows."""

import torch

from trainlab.probes import Snapshot, axes
from trainlab.types import Tensors


@axes("weight", "percent")
def weight_percentiles(snapshot: Snapshot) -> Tensors:
    """How large the entries of each weight matrix are: the 0th to the 100th percentile of their absolute values.

    Args:
        snapshot: the run at this step.

    Returns:
        `weight_percentile`, 101 values a weight matrix, ascending.
    """
    found = []
    for name in snapshot.matrices():
        sizes = snapshot.weights[name].abs().flatten().sort().values
        places = torch.linspace(0, len(sizes) - 1, 101, device=sizes.device).round().long()
        found.append(sizes[places])
    return {"weight_percentile": torch.stack(found)}


@axes("weight")
def weight_sizes(snapshot: Snapshot) -> Tensors:
    """Exact zeros and row norms of each weight matrix; a row holds the weights into one unit.

    Args:
        snapshot: the run at this step.

    Returns:
        `zero_share`, the share of entries that are exactly zero; `largest_row` and `mean_row`, of the norms of rows.
    """
    matrices = [snapshot.weights[name] for name in snapshot.matrices()]
    norms = [matrix.flatten(1).norm(dim=1) for matrix in matrices]
    return {
        "zero_share": torch.stack([(matrix == 0).to(matrix.dtype).mean() for matrix in matrices]),
        "largest_row": torch.stack([norm.max() for norm in norms]),
        "mean_row": torch.stack([norm.mean() for norm in norms]),
    }
