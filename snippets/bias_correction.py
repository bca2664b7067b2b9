"""How much too long are Adam's steps when the bias correction is forgotten?

For a gradient that stays the same, m is 1 - b1^t and the root of v is sqrt(1 - b2^t), in units of the gradient. With
the correction their quotient is 1 at every update. Without it, it is what this program prints.
"""

import numpy as np

t = np.arange(1, 20_001)
for b1, b2 in ((0.9, 0.999), (0.9, 0.99), (0.95, 0.95)):
    quotient = (1 - b1**t) / np.sqrt(1 - b2**t)
    longest = int(quotient.argmax())
    over = int((quotient > 1.1).sum())
    updates = f"about {over / 1000:.1f} thousand" if over > 999 else over
    print(f"betas {b1:g}, {b2:g}: first step {quotient[0]:.1f} times, longest {quotient[longest]:.1f} times", end="")
    print(f", over 10 % too long for {updates} updates")
