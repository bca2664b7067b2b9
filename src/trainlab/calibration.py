"""How far a network's confidence can be trusted: reliability, calibration error, temperature.

All take log-probabilities `[rows, classes]` and class numbers `[rows]`, as numpy arrays. No training, no torch.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Logs = Float[np.ndarray, "rows classes"]
Labels = Int[np.ndarray, " rows"]


@dataclass(frozen=True)
class Reliability:
    """Rows grouped by how confident the network is in its answer, in bins of equal width.

    Args:
        share: of all rows, that fall into each bin.
        confidence: mean probability of the answer in each bin; NaN where a bin is empty.
        accuracy: share of right answers in each bin; NaN where it is empty.
    """

    share: Float[np.ndarray, " bins"]
    confidence: Float[np.ndarray, " bins"]
    accuracy: Float[np.ndarray, " bins"]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over rows of |accuracy - confidence| of their bin."""
        return float(np.nansum(self.share * np.abs(self.accuracy - self.confidence)))


def reliability(logs: Logs, labels: Labels, bins: int = 15) -> Reliability:
    """Group predictions by confidence, the probability of the most probable class.

    Args:
        logs: natural logarithms of probabilities.
        labels: the true classes.
        bins: of equal width, from 0 to 1.

    Raises:
        ValueError: there are no rows, or fewer than one bin.

    References:
        Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning".
        Guo et al. 2017, "On calibration of modern neural networks", https://arxiv.org/abs/1706.04599
    """
    if bins < 1 or not len(labels):
        raise ValueError(f"reliability needs at least one bin and one row, got {bins} bins and {len(labels)} rows")
    confidence = np.exp(logs.max(1).astype(np.float64))
    right = (logs.argmax(1) == labels).astype(np.float64)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts, sure, hits = (np.bincount(bin_of, weights, bins) for weights in (None, confidence, right))
    full = np.where(counts > 0, counts, np.nan)
    return Reliability(counts / len(labels), sure / full, hits / full)


def calibration_error(logs: Logs, labels: Labels, bins: int = 15) -> float:
    """The expected calibration error, in [0, 1]; see `reliability`.

    Args:
        logs: log-probabilities.
        labels: the true classes.
        bins: of equal width, over confidences in [0, 1].
    """
    return reliability(logs, labels, bins).error


def log_loss(logs: Logs, labels: Labels) -> float:
    """The mean of minus the log-probability of the true class, in nats.

    Args:
        logs: log-probabilities.
        labels: the true classes.
    """
    return float(-logs[np.arange(len(labels)), labels].astype(np.float64).mean())


def accuracy(logs: Logs, labels: Labels) -> float:
    """The share of rows whose most probable class is the true one.

    Args:
        logs: log-probabilities.
        labels: the true classes.
    """
    return float((logs.argmax(1) == labels).mean())


def tempered(logs: Logs, temperature: float) -> Logs:
    r"""Log-probabilities with all logits divided by a temperature $T > 0$; no answer changes.

    Args:
        logs: log-probabilities.
        temperature: $T$, > 0; above 1 the answers get less sure.

    Raises:
        ValueError: the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    cooled = logs.astype(np.float64) / temperature
    cooled = cooled - cooled.max(1, keepdims=True)
    return cooled - np.log(np.exp(cooled).sum(1, keepdims=True))


def fit_temperature(logs: Logs, labels: Labels) -> float:
    """The temperature with the lowest loss on these rows, which must not be those that are reported.

    Args:
        logs: on held-out rows, such as the validation split.
        labels: their classes.

    Returns:
        T, between 1/20 and 20.

    References:
        Guo et al. 2017, "On calibration of modern neural networks", section 4.2, https://arxiv.org/abs/1706.04599
    """
    from scipy.optimize import minimize_scalar  # slow to import

    found = minimize_scalar(
        lambda log_t: log_loss(tempered(logs, float(np.exp(log_t))), labels),
        bounds=(-np.log(20), np.log(20)),
        method="bounded",
    )
    return float(np.exp(found.x))  # pyright: ignore[reportAttributeAccessIssue]
