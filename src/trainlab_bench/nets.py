"""The networks, the data and the runs that everything here is measured on."""

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from trainlab.data import MNIST1D
from trainlab.inits import He
from trainlab.models import MLP
from trainlab.optimizers import Adam
from trainlab.runs import Run, grid

DATA = MNIST1D()
BATCH = 128
EPOCH = len(DATA.load().train.y) // BATCH
"""Updates in a pass over the training rows."""

RATE = 0.001
INPUTS, CLASSES = 40, 10
SWEEP_RATES = (0.0005, 0.001, 0.002, 0.004)


@dataclass(frozen=True)
class Net:
    """A fully connected ReLU network with 40 inputs and 10 classes.

    Args:
        depth: hidden layers.
        width: units in each.
    """

    depth: int
    width: int

    @classmethod
    def parse(cls, name: str) -> "Net":
        """The network of a name such as 2x32."""
        depth, width = name.split("x")
        return cls(int(depth), int(width))

    @property
    def name(self) -> str:
        """Depth x width."""
        return f"{self.depth}x{self.width}"

    @property
    def sizes(self) -> list[int]:
        """Units of every layer, inputs and outputs included."""
        return [INPUTS, *[self.width] * self.depth, CLASSES]

    def textbook(self) -> nn.Sequential:
        """The network as one flat `nn.Sequential`, the fastest way to write it by hand."""
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(self.sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def runs(self, count: int, steps: int, data: MNIST1D = DATA) -> list[Run]:
        """Runs that differ in seed and, where there are at least four, in learning rate.

        Args:
            count: how many.
            steps: updates of each.
            data: what they train on.
        """
        model = MLP(inputs=INPUTS, outputs=CLASSES, depth=self.depth, width=self.width)
        base = Run(data=data, model=model, init=He(), optimizer=Adam(), lr=RATE, batch_size=BATCH, steps=steps)
        rates = SWEEP_RATES if count % len(SWEEP_RATES) == 0 else (RATE,)
        return grid(base, lr=rates, seed=range(count // len(rates)))

    def flops(self) -> int:
        """Multiplications and additions of the matrix products in one step, forward and backward.

        The backward pass has two products a layer, for the weights' gradient and for the inputs', except
        that nobody needs the gradient of the data.
        """
        products = [inputs * outputs for inputs, outputs in pairwise(self.sizes)]
        return 2 * BATCH * (3 * sum(products) - products[0])


NETS = [Net(2, 32), Net(3, 100), Net(20, 32), Net(20, 100)]
