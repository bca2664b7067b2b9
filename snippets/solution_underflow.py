"""Solution: how many ReLU layers with Glorot's initialization until nothing is left?

Each layer halves the mean square, so the numbers themselves shrink by the square root of 2. The smallest number of
float32 is 2^-149, so about 2 * 149 layers should do. With half of the bits, in bfloat16, the range is nearly the same.
"""

import torch

torch.set_num_threads(1)
width = 128
for dtype, smallest in ((torch.float32, 149), (torch.bfloat16, 133), (torch.float16, 24)):
    torch.manual_seed(0)
    x, layers = torch.randn(16, width).to(dtype), 0
    while x.any():
        weight = torch.randn(width, width) / width**0.5
        x = (x.float() @ weight).relu().to(dtype)
        layers += 1
    print(f"{str(dtype).removeprefix('torch.'):9} expected about {2 * smallest} layers, found {layers}")
