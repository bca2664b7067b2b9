"""Networks that would train wrongly in a stack, or not at all: each is refused with the reason and the remedy.

A stack has one network for all its runs; each run brings its own parameters and buffers. So what a
network holds in any other way would be shared in silence, and is refused.
"""

import textwrap
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from trainlab.types import Loss

_OF_EVERY_MODULE = {*vars(nn.Module())}

_FOLDERS = [Path(torch.__file__).parent, Path(__file__).parent]

_DRAWS = "it draws random numbers in forward", "use trainlab.layers.Dropout, or a buffer that is drawn once"
_REASONS = {
    "data-dependent control flow": ("it decides by the value of a tensor (if, while, bool)", "write torch.where"),
    ".item()": ("it makes a Python number of a tensor (item, float, int), or a layer does", "keep it a tensor"),
    "random operation": _DRAWS,
    "aten::rrelu": _DRAWS,
    "dynamic shape": ("the shape of a result depends on values, as in x[x > 0]", "write torch.where"),
    "aten::lstm": ("PyTorch cannot lift its LSTM over a stack", "write the cell with nn.Linear"),
    "aten::gru.": ("PyTorch cannot lift nn.GRU over a stack", "loop over a cell of nn.Linear"),
    "aten::rnn_": ("PyTorch cannot lift nn.RNN over a stack", "loop over a cell of nn.Linear"),
    "have storage": ("it leaves PyTorch (numpy, data_ptr)", "write it with torch"),
    "have escaped": ("it uses tensors after the forward pass, as torch.utils.checkpoint does", "leave that out"),
    "allocate memory": ("there is not enough memory", "allow stacks less of it with memory="),
}
"""What stands in an error of `torch.func.vmap` -> what the network does, and another way to do it."""


def check_network(network: nn.Module) -> None:
    """Refuse a network that cannot be trained as it is.

    Raises:
        ValueError: it has a parameter that cannot be trained, or holds something that the runs of a stack would share.
    """
    names = {id(module): name or type(module).__name__ for name, module in network.named_modules()}
    parameters = dict(network.named_parameters())
    tensors = {**parameters, **dict(network.named_buffers())}
    if not parameters:
        raise ValueError(f"{type(network).__name__} has no parameters to train; make them with nn.Parameter or a layer")
    for name, tensor in tensors.items():
        _check_tensor(name, tensor)
    for name, parameter in parameters.items():
        _check_parameter(name, parameter)
    _check_memory(parameters, tensors)
    known = {*map(id, tensors.values()), *names}
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            raise ValueError(
                f"{type(module).__name__} draws from a generator that all runs share; use trainlab.layers.Dropout"
            )
        for name, value in _own(module):
            _check_attribute(f"{type(module).__name__}.{name}", name, value, known)


def _check_tensor(name: str, tensor: Tensor) -> None:
    if is_lazy(tensor):
        raise ValueError(
            f"{name} has no shape before the first batch; give the layer its sizes, or call the network once on an "
            "example where it is built"
        )
    if tensor.is_complex():
        raise ValueError(f"{name} is complex, but weights are trained as real numbers; keep its two parts apart")


def _check_parameter(name: str, parameter: Tensor) -> None:
    if not parameter.requires_grad:
        raise ValueError(f"{name} has requires_grad=False, but all parameters are trained; make it a buffer")
    if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
        raise ValueError(
            f"{name} has a hook on its gradient, which a stack would not call; write it as a clipping of the Run"
        )


def _check_memory(parameters: dict[str, nn.Parameter], tensors: dict[str, Tensor]) -> None:
    """One parameter under two names is one parameter; two that only share their memory would be parted."""
    places: dict[int, str] = {}
    for name, tensor in [*parameters.items(), *((n, t) for n, t in tensors.items() if n not in parameters)]:
        place = tensor.untyped_storage().data_ptr()
        other = places.get(place)
        if place and other in parameters:
            raise ValueError(
                f"{other} and {name} share their memory, which training would part; use one nn.Parameter in both "
                "places, or compute the one from the other in forward"
            )
        places.setdefault(place, name)


def _check_attribute(where: str, name: str, value: Any, known: set[int]) -> None:
    if isinstance(value, Tensor) and id(value) not in known:
        raise ValueError(
            f"{where} is a plain tensor, which each run of a stack would take from the first; write "
            f"self.register_buffer({name!r}, ...)"
        )
    for inner in _inside(value):
        if isinstance(inner, Tensor | nn.Module) and id(inner) not in known:
            remedy = "nn.ModuleList" if isinstance(inner, nn.Module) else "self.register_buffer, or nn.ParameterList"
            raise ValueError(
                f"{where} holds a {type(inner).__name__} in a {type(value).__name__}, which each run of a stack would "
                f"take from the first; use {remedy}"
            )


def _own(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """The attributes that a module has beside those of every module."""
    return ((name, value) for name, value in vars(module).items() if name not in _OF_EVERY_MODULE)


def _inside(value: Any) -> Iterator[Any]:
    """Everything in nested lists, tuples, sets and dictionaries."""
    if isinstance(value, list | tuple | set | frozenset | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield inner
            yield from _inside(inner)


def check_alike(networks: Sequence[nn.Module]) -> None:
    """Refuse networks that differ in more than the values of their parameters and buffers.

    Raises:
        ValueError: names what differs.
    """
    first = dict(_settings(networks[0]))
    for network in networks[1:]:
        other = dict(_settings(network))
        for name in [*first, *other]:
            if first.get(name) != other.get(name):
                values = " and ".join(textwrap.shorten(found.get(name, "none"), 40) for found in (first, other))
                raise ValueError(
                    f"{name} differs between the runs of a stack ({values}), which have one network in common; make it "
                    "a buffer, or train run by run (stack_size=1)"
                )


def _settings(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Numbers, texts and shapes of a network, by name."""
    for path, module in network.named_modules():
        yield path or "the network", type(module).__name__
        for name, value in _own(module):
            yield f"{path or type(module).__name__}.{name}", _told(value)
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        yield f"the shape of {name}", str([*tensor.shape])


def _told(value: Any) -> str:
    """The value where it is a number or a text, also inside of lists; else only its type."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_told, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_told(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, np.ndarray | np.generic):
        return _told(value.tolist())
    return (
        repr(value) if value is None or isinstance(value, bool | int | float | complex | str) else type(value).__name__
    )


def attempt(network: nn.Module, inputs: Tensor) -> Tensor:
    """The outputs of a network in training mode, the first time that it is called.

    Args:
        network: one that is not trained, because its buffers move.
        inputs: `[batch, ...]`.

    Raises:
        TypeError: it does not return one tensor.
        ValueError: the first axis of that is not the examples, or a buffer was replaced.
    """
    before, name = dict(network.named_buffers()), type(network).__name__
    with torch.random.fork_rng(devices=[]):
        outputs = network(inputs)
    if not isinstance(outputs, Tensor):
        raise TypeError(f"{name} must return one tensor, got a {type(outputs).__name__}; return what the loss takes")
    if outputs.shape[:1] != inputs.shape[:1]:
        raise ValueError(
            f"{name} must return outputs whose first axis is the examples, got {[*outputs.shape]} for inputs "
            f"{[*inputs.shape]}"
        )
    for buffer, tensor in network.named_buffers():
        if before.get(buffer) is not tensor:
            own = buffer.rpartition(".")[2]
            raise ValueError(
                f"buffer {buffer} is replaced in forward, and a stack would lose it; write self.{own}.copy_(...)"
            )
    return outputs


def check_loss(loss: Loss, outputs: Tensor, targets: Tensor, losses: Tensor) -> None:
    """Refuse a loss that is not one of each example, because the examples of all runs stand in one batch.

    Args:
        loss: of each example.
        outputs: `[runs, batch, ...]`.
        targets: `[runs, batch, ...]`.
        losses: `[runs * batch, ...]`, of all runs together.

    Raises:
        ValueError: the shape is another, or an example's loss depends on examples of other runs.
    """
    name, rows = getattr(loss, "__name__", type(loss).__name__), len(outputs) * outputs.shape[1]
    if losses.shape[:1] != (rows,):
        raise ValueError(
            f"loss {name} must return the loss of each example, {[rows]}, got {[*losses.shape]}; leave the mean to the "
            "training loop (in PyTorch's own losses: reduction='none')"
        )
    if len(outputs) == 1:
        return
    alone = loss(outputs[0], targets[0])
    if not torch.allclose(alone, losses[: len(alone)], rtol=1e-3, atol=1e-5, equal_nan=True):
        raise ValueError(
            f"loss {name} of an example depends on other examples of the batch, which in a stack are those of other "
            "runs too; train run by run (stack_size=1)"
        )


def cannot_lift(network: nn.Module, error: Exception) -> TypeError:
    """The refusal of a network that `torch.func.vmap` cannot lift over a stack.

    Args:
        network: which one.
        error: what was raised under vmap.
    """
    said = (str(error).strip() or "no message").splitlines()[0].rstrip(".")
    unknown = f"torch.func.vmap, which lifts it, raises {type(error).__name__} ({said})", "write it another way"
    reason, remedy = next((known for sign, known in _REASONS.items() if sign in str(error)), unknown)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(Path(frame.filename).is_relative_to(folder) for folder in _FOLDERS)]
    where = f", at `{own[-1].line}`" if own and own[-1].line else ""
    return TypeError(
        f"{type(network).__name__} cannot be trained in a stack: {reason}{where}; {remedy}, or train run by run "
        "(stack_size=1)"
    )
