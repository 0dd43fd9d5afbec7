"""The matrix product that a convolution lowers to, laid out only for those who need it whole."""

from functools import cached_property
from math import prod
from typing import Any, Self

from torch import Tensor

from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.padding import Margins
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.lookup.lut_conv import receptive_fields
from torchapprox.operators.observed_codes import ObservedCodes, WindowCodes, host_array


class ConvGemmOperands(GemmOperands):
    """The grouped matrix product of a convolution's receptive fields with its kernels.

    M = B * prod(output size) and K = C / groups * prod(kernel). The receptive fields take
    prod(kernel) times the memory of the codes; rows of them, and their counts, are found in the
    codes where they stand.

    Args:
        padded: Activation codes, uint8 `(B, C, *size)`, contiguous.
        shape: The convolution, without padding.
        margins: Elements of the zero point's code before and after each axis, for whoever counts
            codes; empty for none.
        fields: The other attributes of `GemmOperands`.
    """

    def __init__(
        self, *, padded: Tensor, shape: ConvShape, margins: Margins = (), **fields: Any
    ) -> None:
        vars(self).update(fields, _padded=padded, _shape=shape, _margins=margins)

    _padded: Tensor
    _shape: ConvShape
    _margins: Margins

    def without_codes(self) -> Self:
        """Return what `with_codes` needs of these, which takes no memory."""
        nothing = self.w_codes.new_empty(0, 0, self.w_codes.shape[2])
        return self._replaced(nothing, nothing)

    def with_codes(self, x_codes: Tensor, w_codes: Tensor) -> Self:
        """Return the same of other codes.

        Args:
            x_codes: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
            w_codes: uint8 `(G, N, K)`, or contiguous with as many elements.
        """
        return self._replaced(x_codes, self._of_shape(w_codes))

    def _replaced(self, padded: Tensor, w_codes: Tensor) -> Self:
        other = self._with(_padded=padded, w_codes=w_codes)
        vars(other).pop("x_codes", None)
        return other

    @cached_property
    def x_codes(self) -> Tensor:
        """Activation codes, uint8 `(G, M, K)`, laid out at the first look."""
        return receptive_fields(self._padded, self._shape)

    @property
    def rows(self) -> int:
        """Rows of a group's activations, M."""
        return len(self._padded) * prod(self._shape.output_size)

    @property
    def observed_x(self) -> ObservedCodes:
        """The activations as a trace looks at them, in the host's memory."""
        return WindowCodes(host_array(self._padded), self._shape, self._margins)
