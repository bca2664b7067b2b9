"""Where tuning looks: the edge of a grid and what is beyond it, and random search."""

from dataclasses import replace
from math import log10

import pytest
from scipy.stats import loguniform, uniform

from pretended import Pretended, best_at
from trainlab.optimizers import SGD, Adam, AdamW, Momentum
from trainlab.runs import Run
from trainlab.tuning import tune

RATES = (0.001, 0.03, 1.0)
SEEDS = (1000, 1001)


@pytest.fixture(scope="module")
def contenders(tiny: Run) -> dict[str, Run]:
    return {"SGD": replace(tiny, optimizer=SGD()), "Adam": replace(tiny, optimizer=Adam())}


# The edge of a grid

LOG = (0.001, 0.01, 0.1)


def test_a_best_rate_inside_the_grid_widens_nothing(contenders: dict[str, Run]) -> None:
    tuned = tune(best_at(SGD=0.01, Adam=0.012), contenders, LOG, SEEDS)
    assert tuned.at_edge == []
    assert tuned.trials.sizes["trial"] == 3


@pytest.mark.parametrize(("best", "added"), [(1.0, 1.0), (0.0001, 0.0001)])
def test_one_contender_at_the_edge_widens_the_grid_of_all(
    contenders: dict[str, Run], best: float, added: float
) -> None:
    pretended = best_at(SGD=0.01, Adam=best)
    tuned = tune(pretended, contenders, LOG, SEEDS)
    assert [(run.optimizer, run.lr, run.seed) for run in pretended.calls[1]] == [
        (run.optimizer, added, seed) for run in contenders.values() for seed in SEEDS
    ]
    assert tuned.trials.lr.values.tolist() == [[*LOG, added]] * 2
    assert [run.lr for run in tuned.tried["SGD"]] == [*LOG, added]
    assert tuned.best["Adam"].lr == best
    assert tuned.at_edge == [f"Adam (lr = {best:g})"]


def test_widening_may_bring_the_best_inside(contenders: dict[str, Run]) -> None:
    tuned = tune(best_at(SGD=0.01, Adam=0.2), contenders, LOG, SEEDS)
    assert tuned.trials.sizes["trial"] == 4
    assert tuned.best["Adam"].lr == 0.1
    assert tuned.at_edge == []


def test_a_grid_is_widened_once(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=1000.0, Adam=1e-9)
    tuned = tune(pretended, contenders, LOG, SEEDS)
    assert len(pretended.calls) == 2
    assert tuned.trials.lr.values.tolist() == [[*LOG, 0.0001, 1.0]] * 2
    assert tuned.at_edge == ["SGD (lr = 1)", "Adam (lr = 0.0001)"]


def only_decay(best: float) -> Pretended:
    """What counts is that AdamW's weight decay is close to some value; the rate 0.01 is best."""
    return Pretended(lambda run: 0.9 - abs(run.optimizer.weight_decay - best) - 0.1 * abs(log10(run.lr) + 2))  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("best", "decays", "at_edge", "tried"),
    [
        (0.0, (0, 0.1, 0.2), [], {0, 0.1, 0.2}),
        (0.1, (0, 0.1, 0.2), [], {0, 0.1, 0.2}),
        (0.6, (0, 0.1, 0.2), ["AdamW (optimizer.weight_decay = 0.3)"], {0, 0.1, 0.2, 0.3}),
        (0.0, (0.1, 0.2, 0.3), [], {0, 0.1, 0.2, 0.3}),
        (0.0, (0.001, 0.01, 0.1), ["AdamW (optimizer.weight_decay = 0.0001)"], {0.0001, 0.001, 0.01, 0.1}),
    ],
)
def test_zero_is_no_edge(
    contenders: dict[str, Run], best: float, decays: tuple[float, ...], at_edge: list[str], tried: set[float]
) -> None:
    run = replace(contenders["SGD"], optimizer=AdamW())
    tuned = tune(only_decay(best), {"AdamW": run}, LOG, SEEDS, {"optimizer.weight_decay": decays})
    assert tuned.at_edge == at_edge
    assert set(tuned.trials["optimizer.weight_decay"].values.ravel().tolist()) == tried
    assert tuned.trials.sizes["trial"] == len(LOG) * len(tried)


def test_a_value_that_the_run_refuses_is_not_tried(contenders: dict[str, Run]) -> None:
    run = replace(contenders["SGD"], optimizer=Momentum())
    pretended = Pretended(lambda run: run.optimizer.momentum - abs(log10(run.lr) + 2))  # pyright: ignore[reportAttributeAccessIssue]
    tuned = tune(pretended, {"Momentum": run}, LOG, SEEDS, {"optimizer.momentum": (0, 0.5, 0.99)})
    assert len(pretended.calls) == 1
    assert tuned.at_edge == ["Momentum (optimizer.momentum = 0.99)"]


def test_nothing_is_widened_where_budgets_would_differ(contenders: dict[str, Run]) -> None:
    both = {"SGD": contenders["SGD"], "AdamW": replace(contenders["SGD"], optimizer=AdamW())}
    rates = {"SGD": [10.0**k for k in range(-6, 3)], "AdamW": LOG}
    space = {"SGD": {}, "AdamW": {"optimizer.weight_decay": (0, 0.1, 0.2)}}
    pretended = Pretended(lambda run: getattr(run.optimizer, "weight_decay", 0) - 0.1 * abs(log10(run.lr) + 2))
    tuned = tune(pretended, both, rates, SEEDS, space)
    assert len(pretended.calls) == 1
    assert tuned.at_edge == ["AdamW (optimizer.weight_decay = 0.2)"]


# Random search


def test_random_search_draws_the_same_settings_for_all_and_again(contenders: dict[str, Run]) -> None:
    pretended = best_at(SGD=0.01, Adam=0.01)
    tuned, again = (tune(pretended, contenders, loguniform(1e-4, 1), SEEDS, draws=20) for _ in range(2))
    lr = tuned.trials.lr.values
    assert lr.shape == (2, 20)
    assert (lr[0] == lr[1]).all()
    assert len(set(lr[0])) == 20
    assert 1e-4 <= lr.min() < 1e-3 < 0.1 < lr.max() <= 1
    assert 4 < (lr[0] < 0.01).sum() < 16  # half of the range, on a logarithmic scale
    assert again.trials.identical(tuned.trials)
    other = tune(pretended, contenders, loguniform(1e-4, 1), SEEDS, draws=20, draw_seed=1)
    assert not set(other.trials.lr.values[0]) & set(lr[0])


def test_random_search_mixes_lists_and_ranges(contenders: dict[str, Run]) -> None:
    space = {"optimizer": (SGD(), Adam()), "model.dropout": uniform(0, 0.5)}
    tuned = tune(Pretended(lambda run: 0.5), {"one": contenders["SGD"]}, RATES, SEEDS, space, draws=30)
    assert set(tuned.trials.optimizer.values.ravel()) == {"SGD", "Adam"}
    assert set(tuned.trials.lr.values.ravel()) == set(RATES)
    assert len(set(tuned.trials["model.dropout"].values.ravel())) == 30


def test_the_lowest_and_the_highest_draw_are_edges_but_a_range_from_zero_is_open_below(
    contenders: dict[str, Run],
) -> None:
    one = {"one": contenders["SGD"]}
    high = tune(Pretended(lambda run: run.lr), one, loguniform(1e-4, 1), SEEDS, draws=5)
    assert high.at_edge == [f"one (lr = {high.trials.lr.values.max():g})"]
    assert high.trials.sizes["trial"] == 5

    def no_dropout(run: Run) -> float:
        return -run.model.dropout  # pyright: ignore[reportFunctionMemberAccess]

    low = tune(Pretended(no_dropout), one, RATES, SEEDS, {"model.dropout": uniform(0, 0.5)}, draws=5)
    assert not [edge for edge in low.at_edge if "dropout" in edge]
