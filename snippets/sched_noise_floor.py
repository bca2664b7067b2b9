"""Why a rate must fall: with noisy gradients a constant one stops at a floor, which is in proportion to the rate.

The loss is w^2 / 2, the gradient w plus noise of variance 1. So E[w^2] follows
    E[w^2] <- (1 - lr)^2 E[w^2] + lr^2,
and at a constant rate it ends at lr / (2 - lr). The program compares this with runs.
"""

import numpy as np

STEPS, RUNS = 400, 50_000


def loss(rate: float, schedule: str, average: float = 0.0) -> float:
    """The mean loss of many runs after the last update, of the weights or of a fading average of them."""
    random = np.random.default_rng(0)
    w, mean = np.full(RUNS, 5.0), np.full(RUNS, 5.0)
    for step in range(STEPS):
        multiplier = 1 - step / STEPS if schedule == "linear" else 1.0
        w = w - rate * multiplier * (w + random.standard_normal(RUNS))
        mean = average * mean + (1 - average) * w
    return float(np.mean(mean**2) / 2)


print("rate   floor of a constant rate   constant   linear to zero   constant, EMA 0.95")
for rate in (0.03, 0.1, 0.3, 1.0):
    floor = rate / (2 - rate) / 2
    values = (loss(rate, "constant"), loss(rate, "linear"), loss(rate, "constant", 0.95))
    print(f"{rate:<6g} {floor:24.3f} {values[0]:10.3f} {values[1]:16.3f} {values[2]:20.3f}")
