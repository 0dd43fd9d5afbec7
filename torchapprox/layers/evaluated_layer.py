# ruff: noqa: SLF001  what modules answer to questions takes longer than all the rest
"""A wrapped layer where nothing is differentiated: its product, found once for all calls.

Between two batches of an evaluation, a layer's settings, its quantisers and its table stay as they
are. What follows from them is found at the first call; a later one compares all that it depends
on, and goes from real numbers to real numbers by the functions of `prepared_products`, to the same
bits. The weights and the bias are read at every call.

Whoever wants to see operators, such as a graph that is being recorded, a mode or the profiler, sees
those of `ApproxLayer.forward`, and so does whoever hooks the layer.
"""

from dataclasses import dataclass
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.evaluated_state import (
    CONVOLUTIONS,
    is_plain,
    objects_of,
    switches_of,
    values_of,
)
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.product_parameters import product_parameters
from torchapprox.operators.affine.quantise_on_cpu import MOST_AXES
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.approxgemm import linear_operands
from torchapprox.operators.convolution.conv import product_operands
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.padding import padded_size
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.prepared_products import (
    OperandForms,
    RealProduct,
    conv_product,
    linear_product,
    scales_of,
)
from torchapprox.operators.real_products import operand_forms, takes_reals
from torchapprox.operators.remembered import writes
from torchapprox.quantisation.torch_ao import FakeQuantize, quantiser_range

Range = tuple[int, int]


def evaluated(layer: ApproxLayer, quantiser: nn.Module, x: Tensor) -> Tensor | None:
    """Return a layer's output; None where `ApproxLayer.forward` is to compute it.

    Args:
        layer: The layer.
        quantiser: Quantiser of its input.
        x: Its input.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    if torch.is_grad_enabled() or type(x) is not Tensor or x.is_nested or not _is_alone():
        return None
    by_size = _known.get(layer)
    known = None if by_size is None else by_size.get(x.shape)
    if known is None or not known.holds(layer, quantiser, x):
        return None
    return known.output(layer, x)


def keep_evaluated(layer: ApproxLayer, quantiser: nn.Module, x: Tensor) -> None:
    """Find what `evaluated` needs, after `ApproxLayer.forward` computed a layer's output.

    Args:
        layer: The layer.
        quantiser: Quantiser of its input.
        x: Its input.
    """
    if torch.is_grad_enabled() or type(x) is not Tensor or x.is_nested or not _is_alone():
        return
    found = _EvaluatedLayer.of(layer, quantiser, x)
    by_size = _known.setdefault(layer, {})
    by_size.pop(x.shape, None)
    if found is not None:
        if len(by_size) >= _MOST_SIZES:
            by_size.pop(next(iter(by_size)), None)
        by_size[x.shape] = found


_known: WeakKeyDictionary[ApproxLayer, dict[torch.Size, "_EvaluatedLayer"]] = WeakKeyDictionary()
_MOST_SIZES = 8


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
    """What `evaluated` found of a layer and an input's size.

    Attributes:
        objects: What the product depends on that is compared by identity.
        values: Likewise by value.
        scales: Those that ``forms`` has.
        numbers: The tensors that they are read from.
        w_shape: Shape of the weights.
        w_dtype: Their type.
        dtype: Type of the input.
        forms: What becomes of the operands.
        shape: The convolution; None of a linear layer.
        margins: Its padding.
        params: How the operands are quantised.
        exact: Whether the exact product is computed, and not the multiplier's.
    """

    objects: tuple[Any, ...]
    values: tuple[Any, ...]
    numbers: tuple[Tensor, ...]
    w_shape: torch.Size
    w_dtype: torch.dtype
    dtype: torch.dtype
    forms: OperandForms
    shape: ConvShape | None
    margins: tuple[Range, ...]
    params: QuantizationParameters
    exact: bool

    @classmethod
    def of(cls, layer: ApproxLayer, quantiser: nn.Module, x: Tensor) -> "_EvaluatedLayer | None":
        """Find it; None where the layer does not go from real numbers to real numbers."""
        own = layer.weight_fake_quant
        if (
            not is_plain(layer)
            or type(quantiser) is not FakeQuantize
            or type(own) is not FakeQuantize
        ):
            return None
        x_clip, w_clip = layer.deferred(quantiser), layer.deferred(own)
        if x_clip is None or w_clip is None or x.dim() < 2:
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
        table = [] if layer.product_table.lut is None else [layer.product_table.lut]
        if any(writes(each) is None for each in (*table, *switches_of(quantiser, own))):
            return None
        shape: ConvShape | None = None
        margins: tuple[Range, ...] = ()
        if isinstance(layer, CONVOLUTIONS):
            args = layer.conv_args
            if args.padding_mode != "zeros" or args.DIMS > MOST_AXES or x.dim() != args.DIMS + 2:
                return None
            sides = args.margins()
            padded = padded_size(x.shape[2:], sides)
            steps = args.axes("stride"), args.axes("dilation"), args.groups
            shape = ConvShape.of((*x.shape[:2], *padded), layer.weight.shape, *steps)
            margins = sides if any(map(any, sides)) else ()
        return cls(
            objects=objects_of(layer, quantiser),
            values=values_of(layer, quantiser),
            numbers=(params.x_scale, params.x_zero_point, params.w_scale, params.w_zero_point),
            w_shape=layer.weight.shape,
            w_dtype=layer.weight.dtype,
            dtype=x.dtype,
            forms=operand_forms(layer.weight, params, lut, lut_range=lut_range, engine=engine),
            shape=shape,
            margins=margins,
            params=params,
            exact=exact,
        )

    def holds(self, layer: Any, quantiser: Any, x: Tensor) -> bool:
        """Whether all is as it was found."""
        w = layer._parameters.get("weight")
        return (
            x.dtype is self.dtype
            and x.is_cpu
            and x.layout is torch.strided
            and is_plain(layer)
            and quantiser is self.objects[0]
            and layer._modules["weight_fake_quant"] is self.objects[1]
            and all(map(is_, self.objects, objects_of(layer, quantiser)))
            and self.values == values_of(layer, quantiser)
            and w.shape == self.w_shape
            and w.dtype is self.w_dtype
            and w.is_cpu
            and scales_of(*self.numbers) is self.forms.scales
        )

    def output(self, layer: ApproxLayer, x: Tensor) -> Tensor | None:
        """Return the layer's output, or None where an observer needs what only `forward` gives."""
        watched = bool(layer._operand_observers)
        if watched and self.exact:
            return None
        w, bias = layer.weight, layer.bias
        fused = None if watched or bias is None or bias.dtype != x.dtype else bias
        if self.shape is None:
            vectors = x.reshape(-1, self.w_shape[1])
            product = linear_product(vectors, w, fused, self.forms)
            y = product.reals.view(*x.shape[:-1], self.w_shape[0])
        else:
            product = conv_product(x, w, fused, self.forms, self.shape, self.margins)
            y = product.reals
        if watched:
            layer._operand_observers.show(self._operands(layer, product), y)
        if bias is not None and fused is None:
            y = y + bias.view(layer.channel_shape)
        if self.exact or layer.bias_correction is None:
            return y
        return y + layer.bias_correction.view(layer.channel_shape)

    def _operands(self, layer: ApproxLayer, product: RealProduct) -> GemmOperands:
        """Return the operands of a product, for whoever looks."""
        settings = self.params, layer.accumulator, layer.engine
        if isinstance(layer, CONVOLUTIONS):
            return product_operands(product, layer.conv_args, *settings)
        return linear_operands(product, *settings)
