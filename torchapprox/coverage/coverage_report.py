"""Which multiplications of a model went through a multiplier, and which did not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from multipliers.parameters import check_kind
from torchapprox.batches import probing, run_batch
from torchapprox.conversion.wrapping import float_name, get_approx_modules
from torchapprox.coverage.multiplications import is_table_product, multiplications
from torchapprox.layers import ApproxLayer, InferenceMode
from torchapprox.operators import GemmOperands
from torchapprox.running_modules import RunningModules
from torchapprox.text_table import text_table

_FAST_PATHS = ("_transformer_encoder_layer_fwd", "_native_multi_head_attention")


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """The multiplications of one kind in one layer.

    Attributes:
        name: The layer's name in the float model, "" for the model itself.
        type: Name of the layer's type.
        operation: Name of PyTorch's operator, or "product" in a layer that ran on its multiplier.
        macs: Multiplications in the batch; None for an operator that coverage does not know.
        multiplier: Name of the multiplier; None for exact arithmetic.
        reason: Why it was exact; "" where it was not.
    """

    name: str
    type: str
    operation: str
    macs: int | None
    multiplier: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The multiplications of a model in one batch; as text a table.

    Attributes:
        rows: One row for each layer and operation that multiplied, in execution order.
        never_ran: Names of approximate layers that the batch did not reach.
    """

    rows: tuple[CoverageRow, ...]
    never_ran: tuple[str, ...]

    @property
    def total(self) -> int:
        """Multiplications in the batch, those of unknown operators aside."""
        return sum(row.macs or 0 for row in self.rows)

    @property
    def approximate(self) -> int:
        """Multiplications that went through a multiplier."""
        return sum(row.macs or 0 for row in self.rows if row.multiplier is not None)

    @property
    def share(self) -> float:
        """Share of the multiplications that went through a multiplier, 0..1; 0 without any."""
        return self.approximate / self.total if self.total else 0.0

    @property
    def exact(self) -> tuple[CoverageRow, ...]:
        """The rows whose multiplications did not go through a multiplier."""
        return tuple(row for row in self.rows if row.multiplier is None)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Operators that multiply, judging by their names, and are not counted."""
        return tuple(dict.fromkeys(row.operation for row in self.rows if row.macs is None))

    def __str__(self) -> str:
        header = ("layer", "type", "operation", "MACs", "multiplier")
        cells = [
            (
                row.name or "(model)",
                row.type,
                row.operation,
                "?" if row.macs is None else f"{row.macs:,}",
                f"none: {row.reason}" if row.multiplier is None else row.multiplier,
            )
            for row in self.rows
        ]
        lines = [text_table(header, cells)] if cells else []
        lines += [f"never ran: {name}" for name in self.never_ran]
        lines += [f"not counted: {name}" for name in self.unknown]
        lines.append(
            f"{self.share:.2%} of {self.total:,} multiplications went through a multiplier"
        )
        return "\n".join(lines)


def coverage(model: nn.Module, batch: Any) -> Coverage:
    """Run a batch and report which multiplications went through a multiplier.

    Every operator that the model calls is seen, in whatever module, function or fast path: matrix
    products, convolutions, attention and recurrent layers count, elementwise products do not. A
    convolution counts its padding, a transposed one every input with every tap, and attention every
    query with every key, whatever the mask.

    An approximate layer counts as running on a multiplier in APPROXIMATE mode with a table or an
    HTP model; its multiplications are those of the operands that it lowers to.

    Args:
        model: The model, converted or not. It runs in evaluation mode without gradients, and its
            quantisers do not learn from the batch.
        batch: A tensor, a sequence whose first element is the model's input, or a mapping of
            keyword arguments.

    Examples:
        >>> import numpy as np
        >>> import torch
        >>> from multipliers import Multiplier
        >>> from torchapprox import approximate
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> table = Multiplier.from_lut(np.zeros((256, 256), np.int32), name="zero")
        >>> _ = approximate(model, table, calibration=[torch.randn(8, 4)], exclude=["2"])
        >>> print(coverage(model, torch.randn(10, 4)))
        layer  type          operation  MACs  multiplier
        0      ApproxLinear  product    120   zero
        2      Linear        addmm      60    none: not converted
        66.67% of 180 multiplications went through a multiplier
    """
    check_kind("model", model, nn.Module)
    counter = _Counter(model)
    with probing(model), counter.running.followed(), counter.watching_layers(), counter:
        run_batch(model, batch)
    return counter.result()


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the multiplications of every operator, under the module that called it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._layers = get_approx_modules(model)
        self._names = {module: float_name(name) for name, module in model.named_modules()}
        self.running = RunningModules()
        self._macs: dict[tuple[str, str, str, str | None, str], int | None] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if any(_on_multiplier(module) is not None for module in self.running.stack):
            return output  # the layer itself tells what it multiplied
        macs = multiplications(func, args, kwargs or {}, output)
        if macs != 0:
            name = func.overloadpacket.__name__
            layer = next(
                (each for each in self.running.stack if isinstance(each, ApproxLayer)), None
            )
            if layer is None and is_table_product(func):
                self._add(name, macs, "table", "")
            else:
                self._add(name, macs, None, _reason(name, layer))
        return output

    @contextmanager
    def watching_layers(self) -> Iterator[None]:
        """Have the layers that run on a multiplier tell what they multiply."""
        removers = [
            layer.add_operand_observer(self._observer_of(layer))
            for _, layer in self._layers
            if _on_multiplier(layer) is not None
        ]
        try:
            yield
        finally:
            for remove in removers:
                remove()

    def result(self) -> Coverage:
        rows = tuple(
            CoverageRow(name, kind, operation, macs, multiplier, reason)
            for (name, kind, operation, multiplier, reason), macs in self._macs.items()
        )
        missed = tuple(
            float_name(name) for name, layer in self._layers if layer not in self.running.ran
        )
        return Coverage(rows, missed)

    def _observer_of(self, layer: ApproxLayer) -> Callable[[GemmOperands, Tensor], None]:
        def observe(operands: GemmOperands, _output: Tensor) -> None:
            macs = operands.rows * operands.w_codes.numel()
            self._add("product", macs, _on_multiplier(layer), "")

        return observe

    def _add(self, operation: str, macs: int | None, multiplier: str | None, reason: str) -> None:
        module = next((each for each in reversed(self.running.stack) if each in self._names), None)
        name, kind = ("", "?") if module is None else (self._names[module], type(module).__name__)
        key = (name, kind, operation, multiplier, reason)
        before = self._macs.get(key, 0)
        self._macs[key] = None if macs is None or before is None else before + macs


def _reason(operation: str, layer: ApproxLayer | None) -> str:
    """Say why an operator's product was exact; ``layer`` is the approximate one that called it."""
    if operation in _FAST_PATHS:
        return "PyTorch's fast path, which runs none of the layers inside"
    if layer is None:
        return "not converted"
    if layer.inference_mode is not InferenceMode.APPROXIMATE:
        return f"{layer.inference_mode.name} mode"
    return "exact product"


def _on_multiplier(module: nn.Module) -> str | None:
    """Return the name of the multiplier that a layer computes with in its present mode, if any."""
    if not isinstance(module, ApproxLayer):
        return None
    if module.inference_mode is not InferenceMode.APPROXIMATE:
        return None
    if module.htp_model is not None:
        return f"HTP model {getattr(module.htp_model, 'name', type(module.htp_model).__name__)}"
    return None if module.lut is None else module.product_table.name
