"""Solution: which schedule is best where everything is known? The noisy parabola w^2 / 2, gradient w plus noise.

With V = E[w^2], an update gives V <- (1 - r)^2 V + r^2 s, where s is the variance of the noise. The r that makes the
next V smallest is V / (V + s), and then 1 / V grows by 1 / s at each update. So the best rate is about 1 / t.
"""

import numpy as np

STEPS, START, NOISE = 200, 25.0, 1.0


def final(rates: np.ndarray) -> float:
    """E[w^2] after the last update."""
    v = START
    for rate in rates:
        v = (1 - rate) ** 2 * v + rate**2 * NOISE
    return v


def best_rates() -> np.ndarray:
    rates, v = [], START
    for _ in range(STEPS):
        rates.append(v / (v + NOISE))
        v = (1 - rates[-1]) ** 2 * v + rates[-1] ** 2 * NOISE
    return np.array(rates)


left = 1 - np.arange(STEPS) / STEPS
shapes = {
    "constant": np.ones(STEPS),
    "linear": left,
    "cosine": (1 + np.cos(np.pi * (1 - left))) / 2,
    "inverse root": np.sqrt(10 / (10 + np.arange(STEPS))),
}
best = final(best_rates())
print(f"best possible: first rate {best_rates()[0]:.2f}, tenth {best_rates()[9]:.2f}, last {best_rates()[-1]:.4f}")
print("schedule        peak, tuned   E[w^2], in units of the best possible")
for name, shape in shapes.items():
    peaks = np.geomspace(0.003, 1.0, 200)
    found = [final(peak * shape) for peak in peaks]
    print(f"{name:14} {peaks[int(np.argmin(found))]:12.2f} {min(found) / best:15.1f}")
