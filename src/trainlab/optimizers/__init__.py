r"""Optimizers, in order of increasing complexity, and wrappers that add to any of them.

Each is a frozen dataclass of hyperparameters with two pure functions: `init` makes the state for
one parameter, `update` takes a gradient and returns what is ADDED to the parameter, and the new
state. The notation is that of the papers: $w$ weights, $g$ gradient, $\eta$ learning rate, $t$ the
number of this update, counted from 1.

There is no branch on a hyperparameter's value in `update`: the value may be a tensor with one
element a run. Hyperparameters and $t$ enter as float64 scalars, because $1 - \beta_2^t$ in float32
is wrong by enough to change a loss curve. `base.Optimizer` says what else the training loop asks.
"""

from trainlab.optimizers.adam import Adam, AdaMax, AdamW, AMSGrad, NAdam, RAdam
from trainlab.optimizers.adaptive import Adadelta, AdaGrad, RMSProp
from trainlab.optimizers.base import AveragingOptimizer, Optimizer, Param, Rate, Step
from trainlab.optimizers.lion import Lion
from trainlab.optimizers.momentum import SGD, Momentum, Nesterov
from trainlab.optimizers.muon import Muon
from trainlab.optimizers.schedule_free import ScheduleFreeAdamW
from trainlab.optimizers.wrappers import EMA, L2, SWA, DecoupledDecay

__all__ = [
    "EMA",
    "L2",
    "SGD",
    "SWA",
    "AMSGrad",
    "AdaGrad",
    "AdaMax",
    "Adadelta",
    "Adam",
    "AdamW",
    "AveragingOptimizer",
    "DecoupledDecay",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Optimizer",
    "Param",
    "RAdam",
    "RMSProp",
    "Rate",
    "ScheduleFreeAdamW",
    "Step",
]
