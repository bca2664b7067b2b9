"""Random labels: as many as asked for, drawn evenly, and only in the train split."""

from dataclasses import replace

import pytest
import torch

from trainlab.data import MNIST1D, FromFunction, RandomLabels

DATA = MNIST1D(rows=4000, validation=100, test=100)


def numbers() -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.zeros(4, 2), torch.zeros(4)) for _ in range(3)]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_labels_that_differ(share: float) -> None:
    true, random = DATA.load(), RandomLabels(data=DATA, share=share).load()
    changed = (true.train.y != random.train.y).double().mean().item()
    assert changed == pytest.approx(0.9 * share, abs=0.03 * bool(share))
    assert torch.equal(true.train.x, random.train.x)
    assert torch.equal(true.validation.y, random.validation.y)
    assert torch.equal(true.test.y, random.test.y)
    assert random.classes == 10


def test_random_labels_know_nothing_of_the_true_ones() -> None:
    true, random = DATA.load().train.y, RandomLabels(data=DATA).load().train.y
    counts = torch.zeros(10, 10).index_put_((true, random), torch.ones(4000), accumulate=True)
    assert 10 < float(((counts - 40) ** 2 / 40).sum()) / 9 < 25  # a chi-square of 81 degrees of freedom, over 9


def test_the_seed_draws_them_and_they_stay() -> None:
    spec = RandomLabels(data=DATA)
    assert spec.load() is RandomLabels(data=DATA).load()
    assert not torch.equal(spec.load().train.y, replace(spec, seed=1).load().train.y)
    assert spec.load().digest != DATA.load().digest


def test_bad_input_is_named() -> None:
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"share must be in .*, got {bad}"):
            RandomLabels(data=DATA, share=bad)
    with pytest.raises(ValueError, match="numbers has no class numbers to replace"):
        RandomLabels(data=FromFunction(numbers)).load()
