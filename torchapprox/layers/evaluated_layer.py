# ruff: noqa: SLF001  what modules answer to questions takes longer than all the rest
"""A wrapped layer where nothing is differentiated: its product, found once for all calls.

Between two batches of an evaluation, a layer's settings, its quantisers and its table stay as they
are. What follows from them is found at the first call; a later one compares all that it depends
on, and goes from real numbers to real numbers by the functions of `prepared_products`, to the same
bits. The weights and the bias are read at every call.

Whoever wants to see operators, such as a graph that is being recorded, a mode or the profiler, sees
those of `ApproxLayer.forward`, and so does whoever hooks the layer.
"""

from dataclasses import dataclass, field
from operator import is_
from typing import Any, TypeGuard
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.evaluated_state import (
    is_plain,
    objects_of,
    quantises_only,
    switches_of,
    values_of,
)
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.product_parameters import product_parameters
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.prepared_products import OperandForms, Product, RealProduct, scales_of
from torchapprox.operators.real_products import operand_forms, takes_reals
from torchapprox.operators.remembered import Content, keep, writes
from torchapprox.quantisation.torch_ao import quantiser_range


def evaluated(
    layer: ApproxLayer, quantiser: nn.Module, x: Tensor, w: Tensor | None = None
) -> Tensor | None:
    """Return a layer's output; None where the layer's own steps are to compute it.

    Args:
        layer: The layer.
        quantiser: Quantiser of its input.
        x: Its input.
        w: Its second operand, `(..., N, K)`; None for its weight.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    if torch.is_grad_enabled() or not _is_alone():
        return None
    w = layer._parameters.get("weight") if w is None else w
    if not (_is_ordinary(x) and _is_ordinary(w)):
        return None
    by_size = _known.get(layer)
    known = None if by_size is None else by_size.get((x.shape, w.shape))
    if known is None or not known.holds(layer, quantiser, x, w):
        return None
    return known.output(layer, x, w)


def keep_evaluated(
    layer: ApproxLayer, quantiser: nn.Module, x: Tensor, w: Tensor | None = None
) -> None:
    """Find what `evaluated` needs, after a layer's own steps computed its output.

    Args:
        layer: The layer.
        quantiser: Quantiser of its input.
        x: Its input.
        w: As there.
    """
    if torch.is_grad_enabled() or not _is_alone():
        return
    w = layer._parameters.get("weight") if w is None else w
    if not (_is_ordinary(x) and _is_ordinary(w)):
        return
    found = _EvaluatedLayer.of(layer, quantiser, x, w)
    by_size, size = _known.setdefault(layer, {}), (x.shape, w.shape)
    if found is None:
        by_size.pop(size, None)
    else:
        keep(by_size, size, found, _MOST_SIZES)


Sizes = tuple[torch.Size, torch.Size]
_known: WeakKeyDictionary[ApproxLayer, dict[Sizes, "_EvaluatedLayer"]] = WeakKeyDictionary()
_MOST_SIZES = 8


_ORDINARY = Tensor, nn.Parameter


def _is_ordinary(operand: Any) -> TypeGuard[Tensor]:
    """Whether an operand is a tensor of PyTorch's own types, dense and in the CPU's memory."""
    return (
        type(operand) in _ORDINARY
        and operand.is_cpu
        and operand.layout is torch.strided
        and not operand.is_nested
    )


def _is_alone() -> bool:
    """Whether nobody looks at the operators that are called."""
    c: Any = torch._C
    return not (
        torch.compiler.is_compiling()
        or c._len_torch_dispatch_stack()
        or c._len_torch_function_stack()
        or c._functorch.peek_interpreter_stack() is not None
        or c._get_tracing_state() is not None
        or c._autograd._profiler_enabled()
        or torch.is_autocast_enabled("cpu")
        or modules._global_forward_hooks
        or modules._global_forward_pre_hooks
    )


@dataclass(frozen=True, slots=True)
class _EvaluatedLayer:
    """What `evaluated` found of a layer and its operands' sizes.

    Attributes:
        objects: What the product depends on that is compared by identity.
        values: Likewise by value.
        table: The multiplier's, int32 `(256, 256)`; None where it is not the one that is computed.
        table_writes: What `writes` returned for it.
        switches: Content of the tensors that say whether quantisers observe and quantise.
        numbers: The tensors that the scales are read from.
        dtypes: Types of both operands.
        forms: What becomes of them.
        product: Multiplies them.
        params: How they are quantised.
        exact: Whether the exact product is computed, and not the multiplier's.
        shown: Operands that were shown to whoever looks, without the codes; empty before.
    """

    objects: tuple[Any, ...]
    values: tuple[Any, ...]
    table: Tensor | None
    table_writes: int | None
    switches: tuple[Content, ...]
    numbers: tuple[Tensor, ...]
    dtypes: tuple[torch.dtype, torch.dtype]
    forms: OperandForms
    product: Product
    params: QuantizationParameters
    exact: bool
    shown: list[GemmOperands] = field(default_factory=list)

    @classmethod
    def of(
        cls, layer: ApproxLayer, quantiser: nn.Module, x: Tensor, w: Tensor
    ) -> "_EvaluatedLayer | None":
        """Find it; None where the layer does not go from real numbers to real numbers."""
        own = layer.weight_fake_quant
        if (
            not (is_plain(layer) and quantises_only(quantiser) and quantises_only(own))
            or layer.traced_inputs is not None
        ):
            return None
        x_clip, w_clip = layer.deferred(quantiser), layer.deferred(own)
        if x_clip is None or w_clip is None:
            return None
        exact = layer.inference_mode is InferenceMode.QUANTIZED
        tensors: Any = quantiser
        params = product_parameters(
            tensors.scale,
            tensors.zero_point,
            own,
            ports=None if exact else layer.product_table.ports,
            x_range=quantiser_range(quantiser),
            x_clip=x_clip,
            w_clip=w_clip,
        )
        if params is None:
            return None
        lut, model, lut_range, accumulator, engine = layer._multiplier(params, exact=exact)
        if lut is None or model is not None or not takes_reals(x, params, accumulator):
            return None
        table_writes = writes(lut)
        forms = operand_forms(layer.fan_in, params, lut, lut_range=lut_range, engine=engine)
        product = layer.prepared(x, forms)
        if product is None:
            return None
        return cls(
            objects=objects_of(layer, quantiser),
            values=values_of(layer, quantiser),
            table=None if exact else lut,
            table_writes=table_writes,
            switches=tuple(map(Content.of, switches_of(quantiser, own))),
            numbers=(params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
            dtypes=(x.dtype, w.dtype),
            forms=forms,
            product=product,
            params=params,
            exact=exact,
        )

    def holds(self, layer: Any, quantiser: Any, x: Tensor, w: Tensor) -> bool:
        """Whether all is as it was found."""
        return (
            self.dtypes == (x.dtype, w.dtype)
            and is_plain(layer)
            and quantiser is self.objects[0]
            and layer._modules["weight_fake_quant"] is self.objects[1]
            and all(map(is_, self.objects, objects_of(layer, quantiser)))
            and quantises_only(quantiser)
            and quantises_only(self.objects[1])
            and self.values == values_of(layer, quantiser)
            and all(map(Content.is_of, self.switches, switches_of(quantiser, self.objects[1])))
            and self._has_its_table()
            and scales_of(*self.numbers) is self.forms.scales
        )

    def _has_its_table(self) -> bool:
        """Whether the table holds what it held; its forms are asked where writes do not tell."""
        if self.table is None:
            return True
        count = writes(self.table)
        same = count is not None and count == self.table_writes
        return same or host_table(self.table) is self.forms.table

    def output(self, layer: ApproxLayer, x: Tensor, w: Tensor) -> Tensor | None:
        """Return the layer's output, or None where an observer needs what only its steps give."""
        watched = bool(layer._operand_observers)
        # What is added is added in the output's memory, unless an observer keeps that.
        own = not (watched and layer._operand_observers.keep)
        if watched and self.exact:
            return None
        bias: Tensor | None = layer._parameters.get("bias")
        fused = None if watched or bias is None or bias.dtype != x.dtype else bias
        product = self.product(x, w, fused)
        y = product.reals
        if watched:
            layer._operand_observers.show(self._operands(layer, product), y)
        if bias is not None and fused is None:
            y, own = _plus(y, bias.view(layer.channel_shape), own), True
        correction: Tensor | None = layer.bias_correction
        # A product of two activations has no channels whose mean error could be folded.
        if correction is None or self.exact or "weight" not in layer._parameters:
            return y
        return _plus(y, correction.view(layer.channel_shape), own)

    def _operands(self, layer: ApproxLayer, product: RealProduct) -> GemmOperands:
        """Return the operands of a product, for whoever looks."""
        if "weight" in layer._parameters:  # whose codes are kept, and not to be written to
            product = product._replace(w_codes=product.w_codes.clone())
        if self.shown:
            return self.shown[0].with_codes(product.x_codes, product.w_codes)
        operands = layer.operands_of(product, self.params)
        self.shown.append(operands.without_codes())
        return operands


def _plus(y: Tensor, term: Tensor, own: bool) -> Tensor:
    """Return a sum, in the memory of ``y`` where that is nobody else's and has the sum's type."""
    if own and term.dtype == y.dtype:
        return y.add_(term)
    return y + term
