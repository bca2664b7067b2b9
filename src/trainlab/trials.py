"""What tuning with a smaller budget would have led to, read off the table of all trials."""

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.special import comb

from trainlab.tuning import scores


def choice_probabilities(score: Float[np.ndarray, "*contenders trials"], budget: int) -> np.ndarray:
    """How likely each setting is to be chosen when some, drawn at random without replacement, are tried.

    The setting with the r-th best score of n is the best of k drawn ones if it is among them and
    the r - 1 better ones are not: C(n - r, k - 1) of the C(n, k) draws. This is exact.

    Args:
        score: what decides, higher is better; of equal ones the first is chosen.
        budget: k, settings that are tried, from 1 to all.

    Returns:
        Probabilities in the shape of `score`; over the trials they add up to 1.

    Raises:
        ValueError: the budget is out of its range.

    References:
        Dodge et al. 2019, "Show your work: improved reporting of experimental results",
        https://arxiv.org/abs/1909.03004 (drawn with replacement); Tang et al. 2020, "Showing your
        work doesn't always work", https://arxiv.org/abs/2004.13705 (without).
    """
    n = score.shape[-1]
    if not 1 <= budget <= n:
        raise ValueError(f"budget must be from 1 to the {n} trials of the table, got {budget}")
    rank = np.argsort(np.argsort(-score, axis=-1, kind="stable"), axis=-1)  # 0 is the best
    return np.asarray(comb(n - 1 - rank, budget - 1) / comb(n, budget))


def expected_after(trials: xr.Dataset, fresh: xr.DataArray) -> xr.DataArray:
    """The expected result after tuning with each possible number of trials.

    The tuning seeds choose and the fresh seeds report, so the result is not that of a lucky choice.

    Args:
        trials: `Tuned.trials`.
        fresh: `Tuned.sweep`: the accuracy of each setting on other seeds; a run that diverged
            (NaN) counts as 0.

    Returns:
        Axes (contender, budget, seed), one value for each fresh seed, with budgets from 1 to all.

    Raises:
        ValueError: a seed of `fresh` took part in the tuning.
    """
    results = _aligned(trials, fresh)
    budgets = range(1, trials.sizes["trial"] + 1)
    chance = np.stack([choice_probabilities(scores(trials).values, budget) for budget in budgets], axis=1)
    coords = {"contender": trials.contender.values, "budget": list(budgets), "seed": fresh.seed.values}
    return xr.DataArray(chance @ results, coords, ("contender", "budget", "seed"))


def places_after(
    trials: xr.Dataset, fresh: xr.DataArray, budget: int, draws: int = 10_000, draw_seed: int = 0
) -> xr.DataArray:
    """How likely each contender is to take each place after tuning with some trials.

    Every contender draws its own settings, chooses by its tuning seeds, and runs once on a fresh
    seed, which is the same for all. The highest accuracy is first; chance breaks ties.

    Args:
        trials: `Tuned.trials`.
        fresh: `Tuned.sweep`; a run that diverged (NaN) counts as 0.
        budget: settings that each contender tries.
        draws: how often the tuning is repeated for each seed.
        draw_seed: of these draws.

    Returns:
        Probabilities with axes (contender, place, seed), the first place is 1.

    Raises:
        ValueError: a seed of `fresh` took part in the tuning, or the budget is out of its range.
    """
    results = _aligned(trials, fresh)
    random = np.random.default_rng(draw_seed)
    count = len(results)
    chances = choice_probabilities(scores(trials).values, budget)
    chosen = np.stack([random.choice(len(chance), size=draws, p=chance) for chance in chances])
    outcomes = np.take_along_axis(results, chosen[:, :, None], axis=1)  # [contenders, draws, seeds]
    order = np.lexsort((random.random(outcomes.shape), -outcomes), axis=0)
    places = np.argsort(order, axis=0)
    shares = np.stack([(places == place).mean(1) for place in range(count)], axis=1)
    coords = {"contender": trials.contender.values, "place": range(1, count + 1), "seed": fresh.seed.values}
    return xr.DataArray(shares, coords, ("contender", "place", "seed"))


def _aligned(trials: xr.Dataset, fresh: xr.DataArray) -> np.ndarray:
    """The fresh results, `[contenders, trials, seeds]`, checked to be those of the trials."""
    if used := sorted(set(trials.seed.values.tolist()) & set(fresh.seed.values.tolist())):
        raise ValueError(f"seeds {used} chose the settings, so they can't report results; take others")
    return fresh.fillna(0).sel(contender=trials.contender).transpose("contender", "trial", "seed").values
