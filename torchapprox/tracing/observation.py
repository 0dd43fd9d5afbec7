"""Watching a model's products while it runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn

from multipliers.parameters import check_kind
from torchapprox.conversion.wrapping import converted_layers
from torchapprox.layers.operand_observers import OperandObserver
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.tracing.layer_trace import LayerTrace
from torchapprox.tracing.layer_tracer import LayerTracer
from torchapprox.tracing.trace import Trace


@contextmanager
def observe_operands(
    model: nn.Module, callback: Callable[[str, GemmOperands, Tensor], None]
) -> Iterator[None]:
    """Have a callback see the operands of every approximate layer while the context is open.

    Args:
        model: A converted model.
        callback: Called as ``callback(name, operands, output)`` in every forward pass of a layer,
            in any mode; the output is before the bias, without gradient.

    Raises:
        ValueError: The model has no approximate layer.
    """
    check_kind("callback", callback, Callable)
    with _observing(model, lambda name: partial(callback, name), keeps=True):
        yield


@contextmanager
def trace(model: nn.Module, *, rows: int | None = None, seed: int = 0) -> Iterator[Trace]:
    """Count and sample the operands of every approximate layer while the context is open.

    In QUANTIZED mode these are the operands of the exact network, in APPROXIMATE mode those that
    the approximate network really sees.

    Args:
        model: A converted model.
        rows: Rows that the sample of each layer keeps; if None, as many as 1 MB holds, 512 to 4096.
        seed: Chooses them.

    Raises:
        ValueError: The model has no approximate layer, or ``rows`` is less than 1.

    Examples:
        >>> import torch
        >>> from torchapprox import approximate
        >>> model = nn.Sequential(nn.Linear(4, 3))
        >>> _ = approximate(model, calibration=[torch.randn(64, 4)])
        >>> with trace(model) as traced:
        ...     _ = model(torch.randn(10, 4))
        >>> layer = traced["0.wrapped"]
        >>> layer.rows, int(layer.joint_counts.sum())
        (10, 120)
    """
    tracers = {name: LayerTracer(name, rows=rows, seed=seed) for name, _ in converted_layers(model)}
    with _observing(model, lambda name: tracers[name].update, keeps=False):
        yield Trace(_Results(tracers))


@contextmanager
def _observing(
    model: nn.Module, observer_of: Callable[[str], OperandObserver], *, keeps: bool
) -> Iterator[None]:
    """Have each layer show its operands to an observer of its own, which may keep the output."""
    layers = converted_layers(model)
    removers = [
        layer.add_operand_observer(observer_of(name), keeps=keeps) for name, layer in layers
    ]
    try:
        yield
    finally:
        for remove in removers:
            remove()


class _Results(Mapping[str, LayerTrace]):
    """What tracers have seen so far, for those that saw anything."""

    def __init__(self, tracers: Mapping[str, LayerTracer]) -> None:
        self._tracers = tracers

    def __getitem__(self, name: str) -> LayerTrace:
        result = self._tracers[name].result
        if result is None:
            raise KeyError(name)
        return result

    def __iter__(self) -> Iterator[str]:
        return (name for name, tracer in self._tracers.items() if tracer.ran)

    def __len__(self) -> int:
        return sum(tracer.ran for tracer in self._tracers.values())
