"""The table of the optimizers' tests: what each is held against, how it is drawn, and how far it must get."""

from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st

from optimizer_oracles import ADAMW_BY_TORCH, Oracle, betas, by_torch, lion, muon, number_by_number, schedule_free
from trainlab.optimizers import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    Optimizer,
    RAdam,
    RMSProp,
    ScheduleFreeAdamW,
)

# Not between 0 and 0.1, where torch's own lerp loses digits: it computes with 1 - (1 - beta1).
below_one = st.just(0.0) | st.floats(0.1, 0.9999)
eps = st.floats(-12, -1).map(lambda exponent: 10**exponent)
decay = st.floats(0, 1)
adam = {"beta1": below_one, "beta2": below_one, "eps": eps}


@dataclass(frozen=True)
class Row:
    """One optimizer.

    Args:
        ours: with its defaults.
        oracle: what it must equal.
        draw: draws one with other hyperparameters.
        others: two more settings for a stack.
        parabola: (rate, highest final loss) of one descent.
        valley: (rate, highest final loss) of another.
        shapes: of the parameters that are held against the oracle.
    """

    ours: Optimizer
    oracle: Oracle
    draw: st.SearchStrategy[Any]
    others: tuple[Optimizer, ...]
    parabola: tuple[float, float]
    valley: tuple[float, float]
    shapes: tuple[tuple[int, ...], ...] = ((5,),)


ROWS = [
    Row(
        SGD(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr)),
        st.builds(SGD),
        (),
        parabola=(0.1, 1e-8),
        valley=(2e-3, 0.1),
    ),
    Row(
        Momentum(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr, momentum=o.momentum)),
        st.builds(Momentum, momentum=below_one),
        (Momentum(momentum=0.0), Momentum(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        Nesterov(),
        by_torch(lambda w, lr, o: torch.optim.SGD(w, lr, momentum=o.momentum, nesterov=True)),
        st.builds(Nesterov, momentum=st.floats(0.01, 0.9999)),  # torch refuses 0
        (Nesterov(momentum=0.0), Nesterov(momentum=0.99)),
        parabola=(0.03, 1e-8),
        valley=(1e-3, 1e-4),
    ),
    Row(
        AdaGrad(),
        by_torch(lambda w, lr, o: torch.optim.Adagrad(w, lr, eps=o.eps)),
        st.builds(AdaGrad, eps=eps),
        (AdaGrad(eps=1e-3), AdaGrad(eps=0.1)),
        parabola=(0.5, 1e-8),
        valley=(1.0, 0.3),
    ),
    Row(
        Adadelta(),
        by_torch(lambda w, lr, o: torch.optim.Adadelta(w, lr, rho=o.rho, eps=o.eps)),
        st.builds(Adadelta, rho=below_one, eps=eps),
        (Adadelta(rho=0.0, eps=1e-3), Adadelta(rho=0.99)),
        parabola=(3.0, 1e-2),
        valley=(1.0, 1.0),
    ),
    Row(
        RMSProp(),
        by_torch(lambda w, lr, o: torch.optim.RMSprop(w, lr, alpha=o.alpha, eps=o.eps)),
        st.builds(RMSProp, alpha=below_one, eps=eps),
        (RMSProp(alpha=0.0, eps=1e-2), RMSProp(alpha=0.9)),
        parabola=(0.01, 1e-3),
        valley=(0.01, 0.2),
    ),
    Row(
        Adam(),
        by_torch(lambda w, lr, o: torch.optim.Adam(w, lr, **betas(o))),
        st.builds(Adam, **adam),
        (Adam(beta1=0.0, beta2=0.99), Adam(beta2=0.99999, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 1e-3),
    ),
    Row(
        AMSGrad(),
        by_torch(lambda w, lr, o: torch.optim.Adam(w, lr, **betas(o), amsgrad=True)),
        st.builds(AMSGrad, **adam),
        (AMSGrad(beta1=0.0, beta2=0.5), AMSGrad(beta2=0.9, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 1e-3),
    ),
    Row(
        AdaMax(),
        by_torch(lambda w, lr, o: torch.optim.Adamax(w, lr, **betas(o))),
        st.builds(AdaMax, **adam),
        (AdaMax(beta1=0.0, beta2=0.5), AdaMax(beta2=0.9, eps=1e-2)),
        parabola=(0.05, 1e-6),
        valley=(1.0, 0.1),
    ),
    Row(
        NAdam(),
        by_torch(lambda w, lr, o: torch.optim.NAdam(w, lr, **betas(o), momentum_decay=o.momentum_decay)),
        st.builds(NAdam, **adam, momentum_decay=st.floats(0, 1)),
        (NAdam(beta1=0.0, momentum_decay=0.0), NAdam(beta2=0.9, eps=1e-2, momentum_decay=0.5)),
        parabola=(0.05, 1e-6),
        valley=(0.05, 1.0),
    ),
    Row(
        RAdam(),
        by_torch(lambda w, lr, o: torch.optim.RAdam(w, lr, **betas(o))),
        st.builds(RAdam, **adam),
        # The first divides from update 6 on, the second never, the third from update 7 on.
        (RAdam(beta1=0.0, beta2=0.5), RAdam(beta1=0.5, beta2=0.8, eps=1e-2)),
        parabola=(0.1, 1e-6),
        valley=(2e-3, 0.3),  # a low rate: the first updates, not yet divided, are along a steep slope
    ),
    Row(
        AdamW(),
        ADAMW_BY_TORCH,
        st.builds(AdamW, **adam, weight_decay=decay),
        (AdamW(weight_decay=0.0), AdamW(beta1=0.5, beta2=0.9, eps=1e-2, weight_decay=0.5)),
        parabola=(0.05, 1e-6),
        valley=(0.3, 0.1),
    ),
    Row(
        Lion(),
        number_by_number(lion),
        st.builds(Lion, beta1=below_one, beta2=below_one, weight_decay=decay),
        (Lion(beta1=0.0, weight_decay=0.1), Lion(beta1=0.99, beta2=0.5)),
        parabola=(0.03, 1e-2),
        valley=(0.01, 0.1),
    ),
    Row(
        Muon(),
        muon,
        st.builds(
            Muon,
            momentum=below_one,
            nesterov=st.booleans(),
            weight_decay=decay,
            steps=st.integers(1, 5),
            coefficients=st.sampled_from([(3.4445, -4.7750, 2.0315), (2.0, -1.5, 0.5)]),
            eps=eps,
            scaling=st.sampled_from(["match_rms_adamw", "original"]),
            adamw=st.builds(AdamW, **adam, weight_decay=decay),
        ),
        (Muon(momentum=0.0, adamw=AdamW(beta2=0.9)), Muon(weight_decay=0.5, eps=10.0, adamw=AdamW(weight_decay=0.5))),
        parabola=(0.1, 1e-2),
        valley=(0.03, 0.1),
        shapes=((5,), (3, 4), (4, 3), (2, 3, 1, 2)),
    ),
    Row(
        ScheduleFreeAdamW(),
        number_by_number(lambda *arguments: schedule_free(*arguments)[0]),
        st.builds(ScheduleFreeAdamW, **adam, weight_decay=decay),
        (
            ScheduleFreeAdamW(beta1=0.0, weight_decay=0.1),
            ScheduleFreeAdamW(beta1=0.5, beta2=0.9, eps=1e-2),
        ),
        parabola=(0.3, 1e-8),
        valley=(0.3, 0.1),
    ),
]
