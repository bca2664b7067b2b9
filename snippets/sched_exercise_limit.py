"""Solution: on a parabola with curvature c, the largest stable rate is 2 / c, and (2 + 2 m) / c with momentum m.

The program finds it by halving an interval: a rate is stable when the weight has shrunk after many updates.
"""

CURVATURE = 4.0


def shrinks(rate: float, momentum: float, updates: int = 20_000) -> bool:
    """Whether the weight has become smaller."""
    w, b = 1.0, 0.0
    for _ in range(updates):
        b = momentum * b + CURVATURE * w
        w -= rate * b
        if abs(w) > 1e6:
            return False
        if abs(w) + abs(b) < 1e-6:
            return True
    return abs(w) < 1


for momentum in (0.0, 0.5, 0.9):
    low, high = 0.0, 4.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if shrinks(middle, momentum) else (low, middle)
    formula = (2 + 2 * momentum) / CURVATURE
    print(f"momentum {momentum:<4g} largest stable rate {low:.2f}, formula (2 + 2 m) / c = {formula:.2f}")
