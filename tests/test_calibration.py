"""Reliability, calibration error and temperature: by hand, against a slow twin, and where the answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from trainlab.calibration import accuracy, calibration_error, fit_temperature, log_loss, reliability, tempered


def drawn(rows: int = 400, classes: int = 5, scale: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities, and labels drawn from those probabilities: calibrated by construction."""
    random = np.random.default_rng(seed)
    logits = scale * random.normal(size=(rows, classes))
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    labels = np.array([random.choice(classes, p=np.exp(one)) for one in logs])
    return logs, labels


def test_reliability_by_hand() -> None:
    logs = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]]))
    found = reliability(logs, np.array([0, 1, 1, 0]), bins=2)
    assert found.share.tolist() == [0.0, 1.0]
    assert np.isnan(found.accuracy[0])
    np.testing.assert_allclose([found.confidence[1], found.accuracy[1]], [0.7375, 0.5])
    assert found.error == pytest.approx(0.2375)
    fine = reliability(logs, np.array([0, 1, 1, 0]), bins=10)
    assert fine.error == pytest.approx((0.1 + 0.8 + 0.3 + 0.55) / 4)


@given(bins=st.integers(1, 30), seed=st.integers(0, 20))
def test_calibration_error_equals_a_slow_twin(bins: int, seed: int) -> None:
    logs, labels = drawn(60, seed=seed)
    confidence, right = np.exp(logs).max(1), logs.argmax(1) == labels
    expected = 0.0
    for index in range(bins):
        inside = (confidence > index / bins) & (confidence <= (index + 1) / bins)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_error(logs, labels, bins) == pytest.approx(expected, abs=1e-12)


def test_labels_from_the_probabilities_are_calibrated_and_sharper_ones_are_not() -> None:
    logs, labels = drawn(20_000)
    assert calibration_error(logs, labels) < 0.02
    assert calibration_error(tempered(logs, 0.4), labels) > 0.1
    assert fit_temperature(logs, labels) == pytest.approx(1, abs=0.03)
    assert fit_temperature(tempered(logs, 0.4), labels) == pytest.approx(2.5, abs=0.1)


@given(temperature=st.floats(0.05, 20))
def test_a_temperature_changes_no_answer_and_keeps_probabilities(temperature: float) -> None:
    logs, labels = drawn(50)
    cooled = tempered(logs, temperature)
    np.testing.assert_allclose(np.exp(cooled).sum(1), 1)
    assert accuracy(cooled, labels) == accuracy(logs, labels)


def test_log_loss_is_cross_entropy() -> None:
    logs, labels = drawn()
    assert log_loss(logs, labels) == pytest.approx(
        cross_entropy(torch.from_numpy(logs), torch.from_numpy(labels)).item()
    )


def test_bad_input_is_named() -> None:
    logs, labels = drawn(5)
    with pytest.raises(ValueError, match="at least one bin and one row, got 0 bins and 5 rows"):
        reliability(logs, labels, bins=0)
    with pytest.raises(ValueError, match="got 15 bins and 0 rows"):
        reliability(logs[:0], labels[:0])
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"temperature must be > 0, got {bad}"):
            tempered(logs, bad)
