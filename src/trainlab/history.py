"""What the history of a run says: when early stopping ends it, when it reaches a target.

Both take values whose last axis is time (`results.validation_loss` has run and step in this
order) and return one number a run. Training itself goes on to its last step: one history serves
any patience and any target.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class EarlyStop:
    """Where early stopping ends each run, as indices of measurements.

    Args:
        kept: the measurement whose weights are kept: the best before training stopped.
        stopped: the measurement after which training stops; the last one where the patience held.
    """

    kept: Int[np.ndarray, "*runs"]
    stopped: Int[np.ndarray, "*runs"]


def early_stop(losses: ArrayLike, patience: int, min_delta: float = 0.0) -> EarlyStop:
    """Stop when so many measurements in a row have brought no improvement; keep the best.

    The first measurement is the one to beat. NaN is never an improvement, and any finite loss improves
    on it. A run that is NaN from its first to its last measurement keeps the first.

    Args:
        losses: `[*runs, measurements]`, smaller is better.
        patience: measurements in a row without improvement after which training stops, >= 1.
        min_delta: how far below the best so far a loss must be to count, >= 0, in its unit.

    Raises:
        ValueError: there is no measurement, or a number is out of its range.

    References:
        Prechelt 1998, "Early stopping, but when?".
        Goodfellow et al. 2016, "Deep learning", algorithm 7.1.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim == 0 or losses.shape[-1] == 0:
        raise ValueError(f"early_stop needs at least one measurement on the last axis, got the shape {losses.shape}")
    if patience < 1:
        raise ValueError(f"early_stop: patience must be >= 1 measurements, got {patience}")
    if not 0 <= min_delta < np.inf:
        raise ValueError(f"early_stop: min_delta must be >= 0 and finite, got {min_delta}")
    best = np.where(np.isnan(losses[..., 0]), np.inf, losses[..., 0])
    kept, stopped = np.zeros_like(best, dtype=np.int64), np.zeros_like(best, dtype=np.int64)
    for index in range(1, losses.shape[-1]):
        running = stopped - kept < patience
        better = running & (losses[..., index] < best - min_delta)
        best = np.where(better, losses[..., index], best)
        kept = np.where(better, index, kept)
        stopped = np.where(running, index, stopped)
    return EarlyStop(kept, stopped)


def first_reach(
    values: ArrayLike, steps: ArrayLike, target: float, *, falling: bool = False
) -> Float[np.ndarray, "*runs"]:
    """The step at which a target was first measured.

    Args:
        values: `[*runs, measurements]`; NaN reaches nothing.
        steps: `[measurements]`, what each measurement is called, such as `results.step`.
        target: a value that counts as reached when it is met.
        falling: whether the target is reached from above (a loss) or from below (an accuracy).

    Returns:
        One step a run; infinite where the target was never reached, so that a median over runs
        counts such a run as later than any other.

    Raises:
        ValueError: there are not as many steps as measurements, or none.
    """
    values, steps = np.asarray(values, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    if steps.ndim != 1 or len(steps) == 0 or values.shape[-1:] != steps.shape:
        raise ValueError(
            f"first_reach needs one step for each measurement on the last axis, got shapes {values.shape} "
            f"and {steps.shape}"
        )
    reached = values <= target if falling else values >= target
    return np.where(reached.any(-1), steps[reached.argmax(-1)], np.inf)
