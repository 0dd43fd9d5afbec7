"""One operand of a product on its way to codes, and its gradient's way back."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from torchapprox.operators.affine import straight_through
from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.codes import (
    SIGNED,
    UNSIGNED,
    data_range,
    to_codes,
    to_codes_and_fault,
)
from torchapprox.operators.convolution.padding import Margins, pad_codes
from torchapprox.operators.cuda_arrays import on_cuda

Range = tuple[int, int]


class OperandCodes(NamedTuple):
    """An operand as codes.

    Attributes:
        codes: uint8.
        port: Least and greatest value of the port that they enter.
        fault: On a CUDA device, float32 `(1,)`: 0, or NaN where the operand holds what a CPU's has
            an error for. Elsewhere None.
    """

    codes: Tensor
    port: Range
    fault: Tensor | None

    def of(self, codes: Tensor) -> "OperandCodes":
        """Return other codes of the same operand; Dynamo of PyTorch 2.6 traces no ``_replace``."""
        return OperandCodes(codes, self.port, self.fault)


@dataclass(frozen=True)
class Operand:
    """How one operand becomes codes.

    Attributes:
        scale: Positive, broadcastable to the operand.
        zero_point: Integer-valued, of the shape of ``scale``.
        port: Least and greatest q that the multiplier's port accepts; taken from the data if None.
        clip: Limits of a quantiser that has not run yet, so that the operand holds any real
            numbers; None where it is fake-quantised already.
    """

    scale: Tensor
    zero_point: Tensor
    port: Range | None
    clip: Range | None

    def codes(self, values: Tensor, margins: Margins = ()) -> OperandCodes:
        """Return the operand's codes.

        On a CUDA device, looking at the values would wait for it, so that what is wrong with them
        becomes a fault, which makes the layer's output NaN.

        Args:
            values: The operand; where there are margins `(B, C, *size)`, of one scale.
            margins: Elements of the zero point's code before and after each axis of ``size``.

        Raises:
            ValueError: Values or limits do not fit the port, or a value is NaN or infinite.
        """
        if self.clip is None:
            port = self.port or data_range(values, self.scale, self.zero_point)
            make = to_codes_and_fault if on_cuda(values) else to_codes
            made = make(values, self.scale, self.zero_point, port)
            codes, fault = (made, None) if isinstance(made, Tensor) else made
            return OperandCodes(self._pad(codes, margins), port, fault)
        port = port_of(self.clip, self.port)
        quantiser = self._quantiser(self.clip)
        if not any(map(any, margins)):
            margins = ()
        if not on_cuda(values):
            return OperandCodes(quantiser.codes(values, margins), port, None)
        codes, fault = quantiser.codes_and_fault(values, margins)
        return OperandCodes(codes, port, fault)

    def _pad(self, codes: Tensor, margins: Margins) -> Tensor:
        return pad_codes(codes, self.zero_point.view(1), margins, "zeros") if margins else codes

    def reals(self, values: Tensor) -> Tensor:
        """Return the real numbers that the codes stand for, floating point."""
        if self.clip is None:
            return values
        return straight_through.reals(self._quantiser(self.clip), values)

    def straight_through(self, gradient: Tensor | None, values: Tensor) -> Tensor | None:
        """Return the gradient of ``values`` from that of `reals`: 0 where they were clipped."""
        if gradient is None or self.clip is None:
            return gradient
        return straight_through.clip_gradient(self._quantiser(self.clip), gradient, values)

    def _quantiser(self, limits: Range) -> AffineQuantiser:
        return AffineQuantiser(self.scale, self.zero_point, limits)


def port_of(clip: Range, port: Range | None) -> Range:
    """Return the port that a quantiser's codes enter, the one that they need if None.

    Args:
        clip: The quantiser's limits.
        port: Least and greatest value that the port accepts, where known.

    Raises:
        ValueError: The limits do not fit the port.

    Examples:
        >>> port_of((-8, 7), None)
        (-128, 127)
    """
    port = port or (SIGNED if clip[0] < 0 else UNSIGNED)
    if clip[0] < port[0] or clip[1] > port[1]:
        raise ValueError(
            "a quantiser's limits must lie in {}..{}, the range of the multiplier's port, "
            "got {}..{}".format(*port, *clip)
        )
    return port


@dataclass(frozen=True)
class OperandPair:
    """The two operands of a bilinear product, for its gradients."""

    x: Operand
    w: Operand

    def reals(
        self, x: Tensor, w: Tensor, needed: tuple[bool, bool], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """Return what the gradients multiply with.

        Args:
            x: First operand, as the product got it.
            w: Second operand, likewise.
            needed: Whether the gradients of x and of w are needed. That of one operand multiplies
                with the other one; an operand that no gradient multiplies with stays as it is.
            dtype: Type of the output's gradient, which neither operand need have.
        """
        for_x, for_w = needed
        x, w = self.x.reals(x) if for_w else x, self.w.reals(w) if for_x else w
        return x.to(dtype), w.to(dtype)

    def straight_through(
        self, gradients: tuple[Tensor | None, Tensor | None], x: Tensor, w: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of x and w from those of `reals`."""
        grad_x, grad_w = gradients
        return self.x.straight_through(grad_x, x), self.w.straight_through(grad_w, w)
