"""Losses of each example; the training loop takes the mean over the batch."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy of logits against class numbers, in nats.

    Args:
        label_smoothing: the share of the target that is spread over all classes, in [0, 1).

    Raises:
        ValueError: the share is not in [0, 1).
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be in [0, 1), got {self.label_smoothing}")

    def __call__(
        self, logits: Float[Tensor, "batch classes"], labels: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """The loss of each example."""
        return nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=self.label_smoothing)


@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance between output and target, so that the gradient is their difference."""

    def __call__(
        self, outputs: Float[Tensor, "batch *dims"], targets: Float[Tensor, "batch *dims"]
    ) -> Float[Tensor, " batch"]:
        """The loss of each example.

        Raises:
            ValueError: the shapes differ; broadcast, they would give a wrong loss in silence.
        """
        if outputs.shape != targets.shape:
            raise ValueError(
                f"outputs and targets must have one shape, got {[*outputs.shape]} and {[*targets.shape]}; "
                "reshape the targets as the network's outputs"
            )
        return (outputs - targets).square().reshape(len(outputs), -1).sum(1) / 2
