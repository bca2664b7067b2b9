"""Solution: how many paired seeds does it take to see a gain of one point?

With n pairs whose differences have mean d and standard deviation s, the interval leaves zero out in four experiments of
five when n = (1.96 + 0.84)^2 (s / d)^2, and about two pairs more because s is estimated too.
"""

import math
from statistics import NormalDist

import numpy as np

GAIN, POWER, EXPERIMENTS = 1.0, 0.8, 20_000
z, z_power = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(POWER)


def needed(s: float) -> int:
    return math.ceil((z + z_power) ** 2 * (s / GAIN) ** 2 + z**2 / 2)


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t, from the normal one by the expansion of Cornish and Fisher."""
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


random = np.random.default_rng(0)
print("s in points   pairs needed   gain seen with as many   with half as many")
for s in (0.5, 1.0, 2.0, 3.0):
    n = needed(s)
    seen = []
    for pairs in (n, max(2, n // 2)):
        d = random.normal(GAIN, s, size=(EXPERIMENTS, pairs))
        half = student(pairs - 1) * d.std(1, ddof=1) / math.sqrt(pairs)
        seen.append(np.mean(d.mean(1) > half))
    print(f"{s:<11g} {n:14} {seen[0]:24.0%} {seen[1]:19.0%}")
