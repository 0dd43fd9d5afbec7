"""Products of real operands on a table, on the CPU, with all that does not depend on them found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.affine.codes import at_least_float32
from torchapprox.operators.affine.product_terms import (
    ProductTerms,
    ScaleNumbers,
    scale_numbers,
)
from torchapprox.operators.affine.quantise_on_cpu import MOST_AXES, Parameters, codes_of
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.padding import padded_size
from torchapprox.operators.lookup.fused_terms import channel_offsets
from torchapprox.operators.lookup.lut_conv_reals import conv_reals
from torchapprox.operators.lookup.lut_matmul_reals import matrix_reals
from torchapprox.operators.matrix_batch import broadcast_batch, grouped
from torchapprox.operators.remembered import FoundOfTensors, LastFound

Range = tuple[int, int]
Weights = Callable[[Tensor], "WeightCodes"]
_MOST_KEPT = 2**16  # weights whose codes are kept; to compare more takes as long as to make codes


class RealProduct(NamedTuple):
    """A product in real units, and what was multiplied.

    Attributes:
        reals: Floating point, of the type of the activations.
        x_codes: Activation codes, uint8, as the multiplier got them.
        w_codes: Weight codes, likewise.
    """

    reals: Tensor
    x_codes: Tensor
    w_codes: Tensor


Product = Callable[[Tensor, Tensor, Tensor | None], RealProduct]
"""A product of activations and weights, plus a bias by output channel or None."""


class Scales:
    """Scales and zero points as numbers, until a quantiser writes to them.

    Attributes:
        x: Scale and zero point of the activations, as `codes_of` takes them.
        w: Those of the weights.
    """

    def __init__(
        self, x_scale: Tensor, x_zero_point: Tensor, w_scale: Tensor, w_zero_point: Tensor
    ) -> None:
        self.x: Parameters = _numbers(x_scale, x_zero_point)
        self.w: Parameters = _numbers(w_scale, w_zero_point)
        self._zero_point = x_zero_point.detach().reshape(1).to(torch.int64, copy=True)
        self._product = (x_scale * w_scale).detach().view(-1)
        self._by_channel: dict[
            tuple[tuple[int, ...], torch.dtype], tuple[Tensor, ScaleNumbers]
        ] = {}

    def terms(
        self,
        channels: tuple[int, ...],
        w_signed: bool,
        bias: Tensor | None,
        dtype: torch.dtype,
        offset: NDArray[np.float64] | None = None,
    ) -> ProductTerms:
        """Return the terms of a product; arguments as the attributes of `ProductTerms`."""
        found = self._by_channel.get((channels, dtype))
        if found is None:
            scale = self._product.to(dtype).expand(channels).contiguous()
            found = scale, scale_numbers(self._zero_point, scale)
            # Those of products of two activations are as many as there are sizes.
            self._by_channel = {(channels, dtype): found}
        bias = None if bias is None else bias.view(channels)
        zero_point, scale, numbers = self._zero_point, *found
        return ProductTerms(zero_point, scale, w_signed, bias, numbers=numbers, offset=offset)


scales_of: FoundOfTensors[Scales] = FoundOfTensors(Scales)
"""`Scales` of four tensors: scale and zero point of the activations, then of the weights."""


def _numbers(scale: Tensor, zero_point: Tensor) -> Parameters:
    step, shift = at_least_float32(scale.detach()).view(-1), zero_point.detach().view(-1)
    return step.clone().numpy(), shift.to(torch.int64, copy=True).numpy()


@dataclass(frozen=True, slots=True)
class OperandForms:
    """How the operands of a product become codes, and what multiplies these.

    Attributes:
        scales: Scales and zero points; every zero point of the weights is 0.
        x_limits: Limits of the activations' quantiser.
        w_limits: Likewise of the weights'.
        w_signed: Whether the weights' port is signed.
        table: The products.
        wide: Whether sums need int64.
        kernel: As `forced_kernel` returns it.
        engine: As `chosen_engine` returns it.
    """

    scales: Scales
    x_limits: Range
    w_limits: Range
    w_signed: bool
    table: LookupTable
    wide: bool
    kernel: str | None
    engine: str

    def x_codes(self, x: Tensor, margins: Sequence[Range] = ()) -> Tensor:
        """Return codes of activations; arguments and errors as of `codes_of`."""
        return codes_of(x, self.scales.x, self.x_limits, margins)

    def w_codes(self, w: Tensor) -> Tensor:
        """Return codes of weights."""
        return codes_of(at_least_float32(w), self.scales.w, self.w_limits)

    def weights(self, w: Tensor) -> "WeightCodes":
        """Return codes of weights `(N, ...)` and the offsets that follow from them."""
        codes, zero_point = self.w_codes(w), int(self.scales.x[1][0])
        offset = channel_offsets(codes.flatten(1), zero_point, signed=self.w_signed)
        return WeightCodes(codes, offset)


class WeightCodes(NamedTuple):
    """Weights as a product takes them.

    Attributes:
        codes: uint8, of the weights' shape.
        offset: Of `Rescaling`, float64 `(N,)`.
    """

    codes: Tensor
    offset: NDArray[np.float64]


def kept_weights(forms: OperandForms) -> Weights:
    """Return what finds `WeightCodes` anew where small weights hold something else.

    Args:
        forms: What becomes of them.
    """
    last: LastFound[WeightCodes] = LastFound(most=_MOST_KEPT)
    return lambda w: last.of(w, forms.weights)


def conv_product(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    forms: OperandForms,
    shape: ConvShape,
    margins: Sequence[Range],
    weights: Weights | None = None,
) -> RealProduct:
    """Return a convolution of real operands.

    Args:
        x: Activations, float32 or float64 `(B, C, *size)`.
        w: Weights, floating point `(N, C / groups, *kernel)`.
        bias: Of the type of ``x``, `(N,)`, added to the result, or None.
        forms: What becomes of them.
        shape: The convolution of the padded activations.
        margins: Elements of padding before and after each axis, or empty.
        weights: What makes codes of the weights, as `kept_weights` returns it; `forms` if None.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    x_codes, (w_codes, offset) = forms.x_codes(x, margins), (weights or forms.weights)(w)
    terms = forms.scales.terms((shape.out_channels,), forms.w_signed, bias, x.dtype, offset)
    reals = conv_reals(
        x_codes, w_codes, forms.table, shape, terms, forms.engine, forms.kernel, wide=forms.wide
    )
    return RealProduct(reals, x_codes, w_codes)


def linear_product(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    forms: OperandForms,
    weights: Weights | None = None,
) -> RealProduct:
    """Return ``x @ w.T``, of codes `(1, M, K)` and `(1, N, K)`; arguments as of `conv_product`.

    Args:
        x: Activations, float32 or float64 `(M, K)`.
        w: Weights, floating point `(N, K)`.
        bias: As there.
        forms: Likewise.
        weights: Likewise.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    x_codes, (codes, offset) = forms.x_codes(x[None]), (weights or forms.weights)(w)
    w_codes = codes[None]
    terms = forms.scales.terms((1, w.shape[0]), forms.w_signed, bias, x.dtype, offset)
    reals = matrix_reals(
        x_codes, w_codes, forms.table, terms, forms.engine, forms.kernel, wide=forms.wide
    )
    return RealProduct(reals.view(reals.shape[1:]), x_codes, w_codes)


def matrix_product(x: Tensor, w: Tensor, bias: Tensor | None, forms: OperandForms) -> RealProduct:
    """Return ``x @ w.mT`` of batches, of codes as `grouped` pairs them; see `conv_product`.

    Args:
        x: First operand, float32 or float64 `(..., M, K)`.
        w: Second operand, floating point `(..., N, K)`, of a batch that broadcasts.
        bias: None, since there are no channels.
        forms: As there.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    x_codes, w_codes = grouped(forms.x_codes(x), forms.w_codes(w))
    groups, n, _ = w_codes.shape
    terms = forms.scales.terms((groups, n), forms.w_signed, bias, x.dtype)
    reals = matrix_reals(
        x_codes, w_codes, forms.table, terms, forms.engine, forms.kernel, wide=forms.wide
    )
    reals = reals.view(*broadcast_batch(x, w), x.shape[-2], n)
    return RealProduct(reals, x_codes.contiguous(), w_codes.contiguous())


def prepared_conv(x: Tensor, args: ConvArgs, forms: OperandForms) -> Product | None:
    """Return a convolution of activations of one size; None where its padding is a step of its own.

    Args:
        x: Activations of that size, `(B, C, *size)`.
        args: The arguments of the convolution.
        forms: What becomes of the operands.
    """
    if args.padding_mode != "zeros" or args.DIMS > MOST_AXES or x.dim() != args.DIMS + 2:
        return None
    margins = args.margins()
    padded = padded_size(x.shape[2:], margins)
    steps = args.axes("stride"), args.axes("dilation"), args.groups
    shape = ConvShape.of((*x.shape[:2], *padded), args.weight_shape, *steps)
    some = margins if any(map(any, margins)) else ()
    weights = kept_weights(forms)
    return partial(conv_product, forms=forms, shape=shape, margins=some, weights=weights)


def prepared_linear(forms: OperandForms) -> Product:
    """Return a product of vectors `(..., K)` with weights `(N, K)`, `(..., N)`.

    Args:
        forms: What becomes of the operands.
    """
    weights = kept_weights(forms)

    def product(x: Tensor, w: Tensor, bias: Tensor | None) -> RealProduct:
        reals, *codes = linear_product(x.reshape(-1, w.shape[1]), w, bias, forms, weights)
        return RealProduct(reals.view(*x.shape[:-1], w.shape[0]), *codes)

    return product


def prepared_matmul(forms: OperandForms) -> Product:
    """Return `matrix_product` with the forms of its operands."""
    return partial(matrix_product, forms=forms)
