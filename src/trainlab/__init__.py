"""Trainlab: train stacks of networks, compare them fairly, test every claim.

The names below are imported when they are first used, so that `import trainlab` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainlab.claims import Claim
    from trainlab.clipping import ClipNorm, ClipValue
    from trainlab.data import MNIST1D, FashionMNIST, FromFunction, RandomLabels
    from trainlab.feedback import Plateau
    from trainlab.history import early_stop, first_reach
    from trainlab.inits import LSUV, Glorot, He, LeCun, Normal, Orthogonal, PyTorchDefault, Scaled, ZeroBranches, Zeros
    from trainlab.landscape import GradientNoiseScale, Sharpness
    from trainlab.losses import CrossEntropy, SquaredError
    from trainlab.models import MLP, GatedMLP, OrderedMLP, ResidualMLP
    from trainlab.optimizers.adam import Adam, AdaMax, AdamW, AMSGrad, NAdam, RAdam
    from trainlab.optimizers.adaptive import Adadelta, AdaGrad, RMSProp
    from trainlab.optimizers.lion import Lion
    from trainlab.optimizers.momentum import SGD, Momentum, Nesterov
    from trainlab.optimizers.muon import Muon
    from trainlab.optimizers.penalties import L1, MaxNorm, SoftThreshold
    from trainlab.optimizers.schedule_free import ScheduleFreeAdamW
    from trainlab.optimizers.wrappers import EMA, L2, SWA, DecoupledDecay
    from trainlab.predictions import BatchNormShift, Held, Predictions
    from trainlab.probes import activation_statistics, gradient_norm, gradient_statistics, update_ratio
    from trainlab.runs import Run, grid, stacks
    from trainlab.schedules import (
        WSD,
        Constant,
        Cosine,
        Exponential,
        InverseSqrt,
        Linear,
        OneCycle,
        Polynomial,
        RangeTest,
        StepDecay,
        WarmRestarts,
        Warmup,
    )
    from trainlab.store import Store
    from trainlab.training import train
    from trainlab.tuning import tune
    from trainlab.weights import weight_percentiles, weight_sizes

    __version__: str

__all__ = [
    "EMA",
    "L1",
    "L2",
    "LSUV",
    "MLP",
    "MNIST1D",
    "SGD",
    "SWA",
    "WSD",
    "AMSGrad",
    "AdaGrad",
    "AdaMax",
    "Adadelta",
    "Adam",
    "AdamW",
    "BatchNormShift",
    "Claim",
    "ClipNorm",
    "ClipValue",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "DecoupledDecay",
    "Exponential",
    "FashionMNIST",
    "FromFunction",
    "GatedMLP",
    "Glorot",
    "GradientNoiseScale",
    "He",
    "Held",
    "InverseSqrt",
    "LeCun",
    "Linear",
    "Lion",
    "MaxNorm",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Normal",
    "OneCycle",
    "OrderedMLP",
    "Orthogonal",
    "Plateau",
    "Polynomial",
    "Predictions",
    "PyTorchDefault",
    "RAdam",
    "RMSProp",
    "RandomLabels",
    "RangeTest",
    "ResidualMLP",
    "Run",
    "Scaled",
    "ScheduleFreeAdamW",
    "Sharpness",
    "SoftThreshold",
    "SquaredError",
    "StepDecay",
    "Store",
    "WarmRestarts",
    "Warmup",
    "ZeroBranches",
    "Zeros",
    "__version__",
    "activation_statistics",
    "early_stop",
    "first_reach",
    "gradient_norm",
    "gradient_statistics",
    "grid",
    "stacks",
    "train",
    "tune",
    "update_ratio",
    "weight_percentiles",
    "weight_sizes",
]

_HOMES = {
    "clipping": "ClipNorm ClipValue",
    "claims": "Claim",
    "data": "MNIST1D FashionMNIST FromFunction RandomLabels",
    "feedback": "Plateau",
    "history": "early_stop first_reach",
    "inits": "Glorot He LeCun LSUV Normal Orthogonal PyTorchDefault Scaled ZeroBranches Zeros",
    "landscape": "GradientNoiseScale Sharpness",
    "losses": "CrossEntropy SquaredError",
    "models": "MLP GatedMLP OrderedMLP ResidualMLP",
    "optimizers": "SGD Momentum Nesterov AdaGrad Adadelta RMSProp Adam AMSGrad AdaMax NAdam RAdam AdamW Lion Muon "
    "ScheduleFreeAdamW L2 DecoupledDecay EMA SWA",
    "optimizers.penalties": "L1 MaxNorm SoftThreshold",
    "predictions": "BatchNormShift Held Predictions",
    "probes": "activation_statistics gradient_norm gradient_statistics update_ratio",
    "runs": "Run grid stacks",
    "schedules": "Constant Cosine Exponential InverseSqrt Linear OneCycle Polynomial RangeTest StepDecay WSD "
    "WarmRestarts Warmup",
    "store": "Store",
    "training": "train",
    "tuning": "tune",
    "weights": "weight_percentiles weight_sizes",
}
_MODULE_OF = {name: f"trainlab.{module}" for module, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # hidden from type checkers, to which it would say that every name exists

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("trainlab")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'trainlab' has no attribute {name!r}")
        return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
