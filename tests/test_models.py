"""The MLP spec: shapes, names, where norm, dropout and skip connections stand, and what it refuses."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainlab.layers import AlphaDropout, Dropout, Residual
from trainlab.models import MLP, GatedMLP, OrderedMLP, ResidualMLP

BASE = MLP(inputs=4, outputs=3, depth=2, width=5)


def kinds(module: nn.Module) -> list[type[nn.Module]]:
    """The types of the layers in forward order, containers left out."""
    return [type(layer) for layer in module.modules() if not isinstance(layer, nn.Sequential)]


def test_names_and_shapes_of_the_parameters() -> None:
    assert {name: tuple(weight.shape) for name, weight in BASE().named_parameters()} == {
        "0.0.weight": (5, 4),
        "0.0.bias": (5,),
        "1.0.weight": (5, 5),
        "1.0.bias": (5,),
        "2.weight": (3, 5),
        "2.bias": (3,),
    }


@given(
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    depth=st.integers(0, 5),
    width=st.integers(1, 7),
    norm=st.sampled_from([None, "batch", "layer"]),
    dropout=st.sampled_from([0.0, 0.5]),
    residual=st.booleans(),
)
def test_output_shape_and_number_of_parameters(
    inputs: int, outputs: int, depth: int, width: int, norm: Any, dropout: float, residual: bool
) -> None:
    spec = MLP(inputs=inputs, outputs=outputs, depth=depth, width=width, norm=norm, dropout=dropout, residual=residual)
    assert spec()(torch.zeros(9, inputs)).shape == (9, outputs)
    linear = sum((a + 1) * b for a, b in pairwise([inputs, *[width] * depth, outputs]))
    assert sum(weight.numel() for weight in spec().parameters()) == linear + (2 * width * depth if norm else 0)


def test_depth_0_is_one_linear_layer() -> None:
    network = replace(BASE, depth=0)()
    assert {name: tuple(weight.shape) for name, weight in network.named_parameters()} == {
        "0.weight": (3, 4),
        "0.bias": (3,),
    }


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_a_hidden_layer_is_linear_norm_activation_dropout(norm: Any, kind: type[nn.Module]) -> None:
    hidden = [nn.Linear, kind, nn.Tanh, Dropout]
    assert kinds(replace(BASE, norm=norm, dropout=0.5, activation=nn.Tanh)()) == [*hidden, *hidden, nn.Linear]


def test_without_norm_and_dropout_no_such_layers_are_built() -> None:
    assert kinds(BASE()) == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


def test_each_dropout_layer_has_a_number_of_its_own_and_the_given_rate() -> None:
    layers = [layer for layer in replace(BASE, depth=3, dropout=0.25)().modules() if isinstance(layer, Dropout)]
    assert [layer.layer for layer in layers] == [0, 1, 2]
    assert [float(layer.rate) for layer in layers] == [0.25] * 3


def test_residual_joins_the_layers_whose_input_has_their_width() -> None:
    assert [type(block) for block in replace(BASE, residual=True)()] == [nn.Sequential, Residual, nn.Linear]  # pyright: ignore[reportGeneralTypeIssues]
    same = replace(BASE, inputs=5, residual=True)()
    assert [type(block) for block in same] == [Residual, Residual, nn.Linear]  # pyright: ignore[reportGeneralTypeIssues]


def test_what_a_residual_network_computes() -> None:
    network = replace(BASE, inputs=5, residual=True)().double()
    x = torch.randn(6, 5, dtype=torch.float64)
    h = x
    for block in ("0.branch.0", "1.branch.0"):
        h = h + (h @ network.get_parameter(f"{block}.weight").T + network.get_parameter(f"{block}.bias")).relu()
    expected = h @ network.get_parameter("2.weight").T + network.get_parameter("2.bias")
    torch.testing.assert_close(network(x), expected)


def test_each_call_builds_a_fresh_network() -> None:
    one, other = BASE(), BASE()
    assert one.get_parameter("2.weight") is not other.get_parameter("2.weight")
    assert one.training


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("inputs", 0, "MLP: inputs must be >= 1, got 0"),
        ("outputs", 0, "MLP: outputs must be >= 1, got 0"),
        ("depth", -1, "MLP: depth must be >= 0, got -1"),
        ("width", 0, "MLP: width must be >= 1, got 0"),
        ("norm", "group", "MLP: norm must be 'batch', 'layer' or None, got 'group'"),
        ("dropout", 1.0, "MLP: dropout must be in [0, 1), got 1.0"),
        ("dropout", -0.1, "MLP: dropout must be in [0, 1), got -0.1"),
        ("dropout", float("nan"), "MLP: dropout must be in [0, 1), got nan"),
    ],
)
def test_a_bad_value_is_named(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(BASE, **{field: value})


def test_equal_specs_are_equal_and_hash_alike() -> None:
    assert {BASE, MLP(inputs=4, outputs=3, depth=2, width=5)} == {BASE}
    assert replace(BASE, activation=nn.Tanh) != BASE


@pytest.mark.parametrize("residual", [True, False])
def test_a_residual_net_adds_each_branch_and_a_plain_one_does_not(residual: bool) -> None:
    torch.manual_seed(0)
    network = ResidualMLP(inputs=4, outputs=3, blocks=2, width=5, activation=nn.Tanh, residual=residual)()
    x = torch.randn(6, 4)
    stem, *blocks, _, head = network.children()
    h = stem(x)
    for block in blocks:
        branch = block.branch if residual else block
        inner = branch[3](branch[1](h.tanh()).tanh())  # pyright: ignore[reportIndexIssue, reportCallIssue]
        h = h + inner if residual else inner
    torch.testing.assert_close(network(x), head(h.tanh()))


def test_a_gated_net_multiplies_two_maps() -> None:
    torch.manual_seed(0)
    network = GatedMLP(inputs=4, outputs=3, depth=2, width=5)()
    x = torch.randn(6, 4)
    *hidden, head = network.children()
    h = x
    for layer in hidden:
        h = nn.functional.silu(layer.get_submodule("gate")(h)) * layer.get_submodule("value")(h)
    torch.testing.assert_close(network(x), head(h))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GatedMLP(inputs=4, outputs=3, depth=0, width=5), "GatedMLP: depth must be >= 1, got 0"),
        (lambda: ResidualMLP(inputs=4, outputs=3, blocks=0, width=5), "ResidualMLP: blocks must be >= 1, got 0"),
        (lambda: ResidualMLP(inputs=4, outputs=0, blocks=1, width=5), "ResidualMLP: outputs must be >= 1, got 0"),
    ],
)
def test_bad_sizes_of_the_other_nets(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# Layers in any order


ORDERED = OrderedMLP(inputs=4, outputs=3, depth=2, width=5, dropout=0.5)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (("linear", "norm", "activation", "dropout"), [nn.Linear, nn.BatchNorm1d, nn.ReLU, Dropout]),
        (("linear", "dropout", "norm", "activation"), [nn.Linear, Dropout, nn.BatchNorm1d, nn.ReLU]),
        (("norm", "linear", "activation"), [nn.BatchNorm1d, nn.Linear, nn.ReLU]),
        (("linear",), [nn.Linear]),
    ],
)
def test_parts_stand_in_the_order_asked_for(order: tuple[str, ...], expected: list[type[nn.Module]]) -> None:
    network = replace(ORDERED, order=order)()
    assert kinds(network) == [*expected, *expected, nn.Linear]
    assert network(torch.randn(7, 4)).shape == (7, 3)


def test_dropout_only_in_the_last_hidden_layer_none_at_all_and_of_another_kind() -> None:
    assert [kinds(block).count(Dropout) for block in replace(ORDERED, only_last=True)().children()] == [0, 1, 0]
    assert Dropout not in kinds(replace(ORDERED, dropout=0.0)())
    found = [m for m in replace(ORDERED, dropout_layer=AlphaDropout)().modules() if isinstance(m, AlphaDropout)]
    assert [layer.layer for layer in found] == [0, 1]
    assert [layer.rate.item() for layer in found] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"order": ("linear", "norms")}, "others of"),
        ({"order": ("norm", "activation")}, "must have 'linear' once"),
        ({"order": ("linear", "linear")}, "must have 'linear' once"),
        ({"dropout": 1.0}, "dropout must be in [0, 1), got 1.0"),
        ({"width": 0}, "width must be >= 1, got 0"),
    ],
)
def test_a_bad_order_or_value_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        replace(ORDERED, **fields)
