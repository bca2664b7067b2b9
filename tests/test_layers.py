"""Dropout whose masks depend on seed, layer and step alone; residual connections."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn
from torch.func import functional_call, vmap

from trainlab.layers import SELU_LOW, AlphaDropout, Dropout, ReLUSquared, Residual, seed_dropout
from trainlab.random_bits import counter_bits, mask_key

WORD = 1 << 32


def dropout(rate: float = 0.5, seed: int = 0, layer: int = 0, step: int = 0) -> Dropout:
    module = Dropout(rate, layer)
    module.seed.fill_(seed)
    module.step.fill_(step)
    return module


def keys(seeds: Tensor, steps: Tensor, layer: int) -> Tensor:
    """One key for each seed and step."""

    return vmap(lambda seed, step: mask_key(seed, step, layer))(seeds, steps)


def many_keys() -> Tensor:
    """Small and large seeds, six layers, the first 50 steps: 9000 keys."""
    seeds = torch.tensor([*range(16), *(n << 32 for n in range(1, 7)), *(n * 0x123456789ABCDEF for n in range(1, 9))])
    pairs = torch.cartesian_prod(seeds, torch.arange(50))
    return torch.cat([keys(pairs[:, 0], pairs[:, 1], layer) for layer in range(6)])


def two_sided(statistic: float, freedom: int) -> bool:
    """Whether a chi-square is neither too large nor too small for chance (one in 10,000 on each side)."""
    return 1e-4 < float(stats.chi2.sf(statistic, freedom)) < 1 - 1e-4


# The bits


def reference_bits(key: tuple[int, int], position: int) -> int:
    """The same 32 bits, in integers of any size."""
    x = position ^ (key[0] % WORD)
    x ^= x >> 16
    x = (x * 0x7FEB352D) % WORD ^ (key[1] % WORD)
    x ^= x >> 15
    x = (x * 0x846CA68B) % WORD
    return x ^ (x >> 16)


@given(*(st.integers(-(WORD // 2), WORD // 2 - 1) for _ in range(2)), st.integers(1, 100))
def test_counter_bits_equal_a_reference_in_plain_integers(first: int, second: int, count: int) -> None:
    drawn = counter_bits(torch.tensor([first, second], dtype=torch.int32), count)
    assert drawn.dtype == torch.int32
    assert [word % WORD for word in drawn.tolist()] == [reference_bits((first, second), i) for i in range(count)]


def test_a_longer_draw_starts_with_the_shorter() -> None:
    key = dropout().key()
    assert torch.equal(counter_bits(key, 1000)[:10], counter_bits(key, 10))


def chi_square_of_bits(words: Tensor) -> float:
    """Of the number of ones at each of the 32 places."""
    ones = torch.stack([(words >> place) & 1 for place in range(32)]).sum(1).double()
    return float(((ones - len(words) / 2) ** 2 / (len(words) / 4)).sum())


@pytest.mark.parametrize("seed", [0, 1, 2, 1 << 40, (1 << 63) - 1])
def test_every_bit_is_as_often_set_as_not(seed: int) -> None:
    words = counter_bits(dropout(seed=seed).key(), 1 << 16)
    assert two_sided(chi_square_of_bits(words), 32)
    for place in range(0, 32, 8):
        counts = torch.bincount((words >> place) & 255, minlength=256).double()
        assert two_sided(float(((counts - 256) ** 2 / 256).sum()), 255)


def test_so_it_is_at_one_position_over_many_steps_and_over_many_seeds() -> None:
    count = torch.arange(1 << 14)
    for found in (keys(count * 0 + 3, count, 0), keys(count, count * 0 + 3, 0), keys(count << 32, count, 1)):
        for column in (*found.unbind(1), vmap(lambda key: counter_bits(key, 1))(found).flatten()):
            assert two_sided(chi_square_of_bits(column), 32)


# The keys


def test_no_two_keys_give_one_mask_or_one_mask_in_another_order() -> None:
    found = many_keys()
    assert len({tuple(key) for key in found.tolist()}) == len(found)
    draws = vmap(lambda key: counter_bits(key, 64))(found)
    assert len({tuple(sorted(draw)) for draw in draws.tolist()}) == len(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dropout(seed=0, step=2), dropout(seed=1, step=1)),
        (dropout(seed=1, layer=2), dropout(seed=2, layer=1)),
        (dropout(seed=1 << 32, layer=1), dropout(seed=1, step=1)),
        (dropout(seed=5 + (7 << 32), step=11, layer=13), dropout(seed=11 + (13 << 32), step=5, layer=7)),
    ],
)
def test_keys_that_a_weak_mixture_confuses(one: Dropout, other: Dropout) -> None:
    assert not set(one.key().tolist()) & set(other.key().tolist())


@pytest.mark.parametrize("what", [*(("seed", bit) for bit in range(63)), *(("step", bit) for bit in range(20))])
def test_one_changed_bit_of_seed_or_step_changes_half_of_the_key(what: tuple[str, int]) -> None:
    """The mean over 100 keys of 64 bits has a standard error of 0.006."""
    name, bit = what
    generator = torch.Generator().manual_seed(0)
    seeds = torch.randint((1 << 63) - 1, (100,), generator=generator)
    steps = torch.randint(1 << 20, (100,), generator=generator)
    changed = {"seed": seeds, "step": steps} | {name: {"seed": seeds, "step": steps}[name] ^ (1 << bit)}
    differing = keys(seeds, steps, 0) ^ keys(changed["seed"], changed["step"], 0)
    share = torch.stack([(differing >> place) & 1 for place in range(32)]).double().mean()
    assert abs(share - 0.5) < 0.03


def test_masks_of_many_keys_are_uncorrelated_at_every_shift() -> None:
    """900 masks of 2048 at rate 0.5: of 400,000 correlations the largest is near 5 standard errors."""
    signs = vmap(lambda key: counter_bits(key, 2048))(many_keys()[::10]).sign().float()
    correlations = signs @ signs.T / math.sqrt(2048)
    correlations.fill_diagonal_(0)
    assert correlations.abs().max() < 6.5
    waves = torch.fft.rfft(signs[:100])
    for shift in range(1, 100):  # each mask against another, at all 2048 shifts
        crossed = torch.fft.irfft(waves * waves.roll(shift, 0).conj()) / math.sqrt(2048)
        assert crossed.abs().max() < 6.5


# The layer


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_share_of_the_input_is_zero_and_the_rest_is_scaled(rate: float) -> None:
    x = torch.randn(400, 500, generator=torch.Generator().manual_seed(0))
    out = dropout(rate, seed=7)(x)
    zero = out == 0
    assert abs(zero.double().mean() - rate) <= 4 * math.sqrt(rate * (1 - rate) / x.numel())
    torch.testing.assert_close(out[~zero], x[~zero] / (1 - rate), rtol=1e-5, atol=0)


def test_zeros_are_spread_over_rows_and_columns() -> None:
    kept = dropout(0.3, seed=2).mask(torch.Size([500, 400])).double()
    for axis, count in ((0, 500), (1, 400)):
        totals = kept.sum(axis)
        assert two_sided(float(((totals - 0.7 * count) ** 2 / (0.21 * count)).sum()), len(totals))


def test_evaluation_mode_returns_the_input_and_counts_nothing() -> None:
    module, x = dropout(0.9).eval(), torch.randn(5, 4)
    assert module(x) is x
    assert module.step == 0


def test_each_call_in_training_mode_draws_the_next_mask() -> None:
    module, x = dropout(), torch.ones(30, 40)
    calls = [module(x) for _ in range(3)]
    assert module.step == 3
    assert not torch.equal(calls[0], calls[1])
    for step, out in enumerate(calls):
        assert torch.equal(out, dropout(step=step)(x))


@given(st.integers(0, (1 << 63) - 1), st.integers(0, 50), st.integers(0, 10_000), st.floats(0, 0.99))
def test_the_mask_depends_on_seed_layer_and_step_alone(seed: int, layer: int, step: int, rate: float) -> None:
    torch.rand(3)
    first = dropout(rate, seed, layer, step).mask(torch.Size([7, 5]))
    torch.rand(5)
    assert torch.equal(first, dropout(rate, seed, layer, step).mask(torch.Size([7, 5])))
    assert torch.equal(first.flatten(), dropout(rate, seed, layer, step).mask(torch.Size([35])))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mask_in_a_stack_is_the_mask_alone(dtype: torch.dtype) -> None:
    """Runs of different rates, seeds and steps side by side."""
    alone = [
        dropout(rate, seed, 3, step).to(dtype)
        for rate, seed, step in [(0.1, 0, 0), (0.5, 1, 0), (0.0, 1, 7), (0.9, 1 << 50, 9)]
    ]
    x = torch.randn(len(alone), 20, 30, dtype=dtype)
    buffers = {name: torch.stack([module.get_buffer(name) for module in alone]) for name in ("rate", "seed", "step")}
    stacked = vmap(lambda buffers, x: functional_call(alone[0], buffers, (x,)))(buffers, x)
    for run, module in enumerate(alone):
        assert torch.equal(stacked[run], module(x[run]))
        assert buffers["step"][run] == module.step


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_a_bad_rate_is_named(rate: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"dropout rate must be in [0, 1), got {rate}")):
        Dropout(rate)


def test_seed_dropout_reaches_every_layer_and_starts_again() -> None:
    network = nn.Sequential(Dropout(0.5, 0), Residual(nn.Sequential(nn.ReLU(), Dropout(0.5, 1))))
    x = torch.ones(50, 40)
    seed_dropout(network, 4)
    first, second = network(x), network(x)
    assert not torch.equal(first, second)
    seed_dropout(network, 4)
    assert torch.equal(network(x), first)
    seed_dropout(network, 5)
    assert not torch.equal(network(x), first)
    masks = [module.mask(x.shape) for module in network.modules() if isinstance(module, Dropout)]
    assert len(masks) == 2
    assert 0.4 < (masks[0] == masks[1]).double().mean() < 0.6


def test_residual_adds_the_branch_to_its_input() -> None:
    branch = nn.Linear(4, 4)
    x = torch.randn(3, 4)
    assert torch.equal(Residual(branch)(x), x + branch(x))
    assert [name for name, _ in Residual(branch).named_parameters()] == ["branch.weight", "branch.bias"]


def test_relu_squared() -> None:
    assert ReLUSquared()(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 9]


# Alpha dropout


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_alpha_dropout_by_its_formula_and_by_pytorch(rate: float) -> None:
    module = AlphaDropout(rate, layer=2).double()
    x = torch.randn(40, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kept = AlphaDropout(rate, layer=2).double().mask(x.shape)
    a = ((1 - rate) * (1 + rate * SELU_LOW**2)) ** -0.5
    torch.testing.assert_close(module(x), torch.where(kept, a * x, a * SELU_LOW) - a * rate * SELU_LOW)
    same = torch.full((10_000,), 3.0, dtype=torch.float64)
    ours, theirs = module(same).unique(), nn.functional.alpha_dropout(same, rate, training=True).unique()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)  # a dropped unit, and a kept one


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_alpha_dropout_keeps_mean_0_and_variance_1(rate: float) -> None:
    x = torch.randn(1000, 1000, generator=torch.Generator().manual_seed(0))
    dropped, ordinary = AlphaDropout(rate)(x), Dropout(rate)(x)
    assert dropped.mean().item() == pytest.approx(0, abs=0.01)
    assert dropped.var().item() == pytest.approx(1, abs=0.01)
    assert ordinary.var().item() == pytest.approx(1 / (1 - rate), rel=0.01)


def test_alpha_dropout_draws_anew_in_training_and_rests_in_evaluation() -> None:
    module, x = AlphaDropout(0.5), torch.randn(4, 100)
    assert not torch.equal(module(x), module(x))
    assert module.eval()(x) is x
    with pytest.raises(ValueError, match=re.escape("dropout rate must be in [0, 1), got 1")):
        AlphaDropout(1)


def test_selu_low_is_what_selu_approaches() -> None:
    assert nn.functional.selu(torch.tensor(-100.0, dtype=torch.float64)).item() == pytest.approx(SELU_LOW, rel=1e-12)
