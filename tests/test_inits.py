"""Initializers against the variance of their papers, and PyTorchDefault against PyTorch itself."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from trainlab.data import MNIST1D
from trainlab.inits import (
    LSUV,
    Glorot,
    He,
    LeCun,
    Normal,
    Orthogonal,
    PyTorchDefault,
    Scaled,
    ZeroBranches,
    Zeros,
    initialize,
)
from trainlab.layers import Dropout
from trainlab.models import MLP, GatedMLP, ResidualMLP
from trainlab.types import Init

# Fans that differ, so that exchanging them shows; about 60,000 weights each.
LAYERS: dict[str, tuple[Callable[[], nn.Linear | nn.Conv1d | nn.Conv2d], int, int]] = {
    "linear": (lambda: nn.Linear(300, 200), 300, 200),
    "conv1d": (lambda: nn.Conv1d(40, 300, 5), 40 * 5, 300 * 5),
    "conv2d": (lambda: nn.Conv2d(60, 120, 3), 60 * 9, 120 * 9),
}
each_layer = pytest.mark.parametrize("layer", LAYERS)

# init, its variance from (fan in, fan out), and the ratio of its fourth moment to the square of its variance
VARIANCE: list[tuple[Init, Callable[[int, int], float], float]] = [
    (PyTorchDefault(), lambda i, o: 1 / (3 * i), 9 / 5),
    (Normal(0.03), lambda i, o: 0.03**2, 3),
    (Glorot(), lambda i, o: 2 / (i + o), 9 / 5),
    (Glorot("normal"), lambda i, o: 2 / (i + o), 3),
    (He(), lambda i, o: 2 / i, 3),
    (He("uniform"), lambda i, o: 2 / i, 9 / 5),
    (LeCun(), lambda i, o: 1 / i, 3),
    (LeCun("uniform"), lambda i, o: 1 / i, 9 / 5),
    (Scaled(1.7), lambda i, o: 1.7**2 / i, 3),
]


ROWS = MNIST1D(rows=300, validation=10, test=10)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fill(layer: nn.Module, init: Init, seed: int = 0) -> nn.Module:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(torch.nan)  # what an init leaves out shows
        init(layer, generator(seed))
    return layer


@each_layer
@pytest.mark.parametrize(("init", "variance", "kurtosis"), VARIANCE, ids=[str(init) for init, *_ in VARIANCE])
def test_mean_variance_and_fourth_moment(
    layer: str, init: Init, variance: Callable[[int, int], float], kurtosis: float
) -> None:
    """Within four standard errors of the sampling distribution of each moment."""
    make, fan_in, fan_out = LAYERS[layer]
    weight = fill(make(), init).get_parameter("weight").double().flatten()
    expected, n = variance(fan_in, fan_out), weight.numel()
    assert abs(weight.mean()) < 4 * math.sqrt(expected / n)
    assert abs(weight.square().mean() / expected - 1) < 4 * math.sqrt((kurtosis - 1) / n)
    # The fourth moment tells normal (3) from uniform (1.8); its own relative error is below sqrt(96 / n).
    assert abs(weight.pow(4).mean() / expected**2 - kurtosis) < 4 * math.sqrt(96 / n)


@pytest.mark.parametrize("init", [Normal(0.1), Glorot(), He(), LeCun(), Orthogonal(), Zeros()], ids=str)
@each_layer
def test_biases_start_at_zero(init: Init, layer: str) -> None:
    assert (fill(LAYERS[layer][0](), init).get_parameter("bias") == 0).all()


@pytest.mark.parametrize(
    "init", [PyTorchDefault(), Normal(0.1), Glorot(), He(), LeCun(), Orthogonal(), Zeros()], ids=str
)
def test_a_layer_without_bias(init: Init) -> None:
    weight = fill(nn.Linear(6, 4, bias=False), init).get_parameter("weight")
    assert weight.isfinite().all()


def test_zeros() -> None:
    assert all((parameter == 0).all() for parameter in fill(nn.Conv2d(3, 4, 3), Zeros()).parameters())


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (20, 20)])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_orthogonal_has_all_singular_values_at_the_gain(shape: tuple[int, int], gain: float) -> None:
    weight = fill(nn.Linear(*shape), Orthogonal(gain)).get_parameter("weight")
    torch.testing.assert_close(torch.linalg.svdvals(weight), torch.full((20,), gain), rtol=0, atol=1e-5)


def test_orthogonal_flattens_a_kernel() -> None:
    weight = fill(nn.Conv2d(3, 8, 3), Orthogonal()).get_parameter("weight").flatten(1)
    torch.testing.assert_close(weight @ weight.T, torch.eye(8), rtol=0, atol=1e-5)


@each_layer
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_pytorch_default_is_what_pytorch_does(layer: str, name: str) -> None:
    """Same bounds, and the same distribution by the test of Kolmogorov and Smirnov."""
    make, fan_in, _ = LAYERS[layer]
    bound = 1 / math.sqrt(fan_in)
    ours = torch.cat([fill(make(), PyTorchDefault(), seed).get_parameter(name).detach().flatten() for seed in range(9)])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torch.cat([make().get_parameter(name).detach().flatten() for _ in range(9)])
    for values in (ours, theirs):
        assert values.abs().max() <= bound
        assert values.abs().max() > bound * (1 - 10 / len(values))
    _, p_value = stats.ks_2samp(ours.numpy(), theirs.numpy(), method="asymp")
    assert p_value > 0.001  # pyright: ignore[reportOperatorIssue]


@pytest.mark.parametrize("init", [PyTorchDefault(), Normal(0.1), Glorot(), He(), LeCun(), Orthogonal()], ids=str)
def test_the_generator_alone_decides(init: Init) -> None:
    layer = nn.Linear(5, 4)

    def weights(seed: int) -> Tensor:
        return torch.cat([p.detach().flatten() for p in fill(layer, init, seed).parameters()])

    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = weights(0)
        torch.manual_seed(2)
        before = torch.random.get_rng_state()
        assert torch.equal(weights(0), first)
        assert not torch.equal(weights(1), first)
        assert torch.equal(torch.random.get_rng_state(), before)


def test_initialize_fills_linear_and_convolutional_layers_in_order_and_no_others() -> None:
    def network() -> nn.Sequential:
        return nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5)))

    ours, one_by_one = network(), network()
    initialize(ours, He(), generator())
    shared = generator()
    fill_with = He()
    with torch.no_grad():
        for layer in (one_by_one[0], one_by_one[2].get_submodule("0")):
            fill_with(layer, shared)
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter, one_by_one.get_parameter(name)), name
        assert parameter.requires_grad
    assert torch.equal(ours[1].get_parameter("weight"), torch.ones(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0.0), r"std must be > 0, got 0.0; for all zeros use Zeros\(\)"),
        (lambda: Normal(-1.0), "std must be > 0, got -1.0"),
        (lambda: Normal(float("nan")), "std must be > 0, got nan"),
        (lambda: Orthogonal(0.0), "gain must be > 0, got 0.0"),
        (lambda: Scaled(0.0), "gain must be > 0, got 0.0"),
        (lambda: LSUV(ROWS, rows=1), "rows must be >= 2 for a variance, got 1"),
        (lambda: Orthogonal(float("nan")), "gain must be > 0, got nan"),
        (lambda: He("gaussian"), "distribution must be 'normal' or 'uniform', got 'gaussian'"),  # pyright: ignore[reportArgumentType]
        (lambda: Glorot("gaussian"), "distribution must be 'normal' or 'uniform', got 'gaussian'"),  # pyright: ignore[reportArgumentType]
        (lambda: LeCun("gaussian"), "distribution must be 'normal' or 'uniform', got 'gaussian'"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_bad_value_is_named_where_it_is_given(make: Callable[[], Init], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def deviations(network: nn.Module, x: Tensor) -> dict[str, float]:
    """The standard deviation of the outputs of every linear layer."""
    found: dict[str, float] = {}

    names = {layer: name for name, layer in network.named_modules()}

    def keep(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        found[names[layer]] = float(output.std())

    for layer in names:
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(keep)
    with torch.no_grad():
        network.eval()(x)
    return found


@pytest.mark.parametrize(
    "model",
    [
        MLP(inputs=40, outputs=10, depth=6, width=30, activation=nn.SiLU, dropout=0.3),
        GatedMLP(inputs=40, outputs=10, depth=4, width=30),
        ResidualMLP(inputs=40, outputs=10, blocks=3, width=30),
    ],
    ids=lambda model: type(model).__name__,
)
def test_lsuv_gives_every_layer_variance_1(model: Callable[[], nn.Module]) -> None:
    network = model()
    initialize(network, LSUV(ROWS, rows=200), generator())
    assert network.training
    assert all(int(m.step) == 0 for m in network.modules() if isinstance(m, Dropout)), "no mask was drawn"
    found = deviations(network, ROWS.load().train.x[:200])
    assert len(found) >= 7
    assert list(found.values()) == pytest.approx(len(found) * [1], abs=1e-4)
    before = deviations(initialized(model, Orthogonal()), ROWS.load().train.x[:200])
    assert max(abs(value - 1) for value in before.values()) > 0.1


def initialized(model: Callable[[], nn.Module], init: Init) -> nn.Module:
    network = model()
    initialize(network, init, generator())
    return network


def test_lsuv_only_scales_orthogonal_weights() -> None:
    model = MLP(inputs=40, outputs=10, depth=3, width=30)
    ours, orthogonal = (initialized(model, init) for init in (LSUV(ROWS), Orthogonal()))
    for a, b in zip(ours.parameters(), orthogonal.parameters(), strict=True):
        if a.ndim == 2:
            ratio = a / b
            torch.testing.assert_close(ratio, ratio[:1, :1].expand_as(ratio), rtol=1e-3, atol=0)


class Unused(nn.Module):
    """Has a layer that its forward pass leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(40, 3), nn.Linear(40, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def test_lsuv_says_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match=r"^LSUV: the forward pass never calls Linear; take another init$"):
        initialize(Unused(), LSUV(ROWS), generator())
    dead = nn.Sequential(nn.Linear(40, 5), nn.Threshold(1e9, 0.0), nn.Linear(5, 3))
    with pytest.raises(ValueError, match=r"^LSUV: the outputs of 2 have standard deviation 0.0; take another init$"):
        initialize(dead, LSUV(ROWS), generator())


def test_zero_branches_zeroes_the_ends_of_branches_and_leaves_the_rest_to_the_base() -> None:
    model = ResidualMLP(inputs=4, outputs=3, blocks=2, width=5)
    ours, base = (dict(initialized(model, init).named_parameters()) for init in (ZeroBranches(LeCun()), LeCun()))
    ends = [name for name in ours if name.endswith("3.weight") and "branch" in name]
    assert len(ends) == 2
    for name, parameter in ours.items():
        assert torch.equal(parameter, torch.zeros_like(parameter) if name in ends else base[name]), name


def test_a_net_of_zero_branches_starts_as_its_first_and_last_layer() -> None:
    network = initialized(ResidualMLP(inputs=4, outputs=3, blocks=5, width=6), ZeroBranches())
    layers = [module for module in network.children() if isinstance(module, nn.Linear)]
    x = torch.randn(7, 4, generator=generator())
    torch.testing.assert_close(network(x), layers[1](layers[0](x).relu()))
