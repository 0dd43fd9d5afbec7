"""What every layer lowers to: a grouped matrix product of operand codes."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.codes import code_tensor_values
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.affine.zero_points import needs_x_sums, subtract_zero_points
from torchapprox.operators.lookup.exact_table import exact_table
from torchapprox.operators.lookup.lut_matmul import lut_matmul
from torchapprox.operators.lookup.lut_matmul_reals import lut_matmul_reals
from torchapprox.operators.observed_codes import MatrixCodes, ObservedCodes


@dataclass(frozen=True)
class GemmOperands:
    """The operand codes of one layer call, and what turns their products into its output.

    The layer's output in real units, before the bias, is

        scale * (sum_k lut[x, w] - zw * sum_k x - zx * sum_k w + K * zx * zw)

    where the sums of x and w run over the codes' values, and the first sum is what the accumulator
    holds. Grouped convolutions have one group each for their groups, products of two activations
    one for each matrix, other layers one.

    Attributes:
        x_codes: Activation codes, uint8 `(G, M, K)`.
        w_codes: Weight codes, uint8 `(G, N, K)`.
        x_range: Least and greatest value that the activation port accepts.
        w_range: The same for the weight port.
        x_zero_point: Zero point of the activations, int64, one element `(1,)`.
        w_zero_point: Zero points of the weights, int64 `(G, N)`.
        scale: Product of the operands' scales, floating point `(G, N)`.
        accumulator: What sums the products; exact if None.
        engine: What computes the sums; see `torchapprox.lut_matmul`.
        fixed_weights: Whether the second operand is the layer's weights, not an activation; the
            groups are then the same ones at every call.
        w_centred: Whether every zero point of the weights is 0; None if not known.
    """

    x_codes: Tensor
    w_codes: Tensor
    x_range: tuple[int, int]
    w_range: tuple[int, int]
    x_zero_point: Tensor
    w_zero_point: Tensor
    scale: Tensor
    accumulator: Accumulator | None = None
    engine: str = "auto"
    fixed_weights: bool = True
    w_centred: bool | None = None

    def without_codes(self) -> Self:
        """Return what `with_codes` needs of these, which takes no memory."""
        nothing = self.w_codes.new_empty(0, 0, self.w_codes.shape[2])
        return self._with(x_codes=nothing, w_codes=nothing)

    def with_codes(self, x_codes: Tensor, w_codes: Tensor) -> Self:
        """Return the same of other codes, of as many groups, columns and depth.

        Args:
            x_codes: uint8 `(G, M, K)`.
            w_codes: uint8 `(G, N, K)`, or contiguous with as many elements.
        """
        return self._with(x_codes=x_codes, w_codes=self._of_shape(w_codes))

    def _with(self, **fields: Tensor) -> Self:
        """Return the same with other fields; `dataclasses.replace` takes twenty times as long."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), **fields)
        return other

    def _of_shape(self, w_codes: Tensor) -> Tensor:
        return w_codes.view(*self.w_zero_point.shape, self.w_codes.shape[2])

    @property
    def x_signed(self) -> bool:
        """Whether activation codes stand for two's complement numbers."""
        return self.x_range[0] < 0

    @property
    def w_signed(self) -> bool:
        """Whether weight codes stand for two's complement numbers."""
        return self.w_range[0] < 0

    @property
    def x_values(self) -> Tensor:
        """Activations as the port sees them, int8 or uint8 `(G, M, K)`, sharing memory."""
        return code_tensor_values(self.x_codes, signed=self.x_signed)

    @property
    def w_values(self) -> Tensor:
        """Weights as the port sees them, int8 or uint8 `(G, N, K)`, sharing memory."""
        return code_tensor_values(self.w_codes, signed=self.w_signed)

    @property
    def rows(self) -> int:
        """Rows of a group's activations, M."""
        return self.x_codes.shape[1]

    @property
    def observed_x(self) -> ObservedCodes:
        """The activations as a trace looks at them, in the host's memory."""
        return MatrixCodes.of(self.x_codes)

    def accumulate(self, lut: Tensor | None, *, lut_range: tuple[int, int] | None = None) -> Tensor:
        """Return the products' sums minus the zero-point terms, exact integers.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.

        Returns:
            int64 `(G, M, N)`: the layer's output divided by ``scale``.
        """
        return self.subtract_zero_points(self.sums(lut, lut_range=lut_range))

    def reals(
        self,
        lut: Tensor | None,
        dtype: torch.dtype,
        *,
        lut_range: tuple[int, int] | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the layer's output in real units.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            dtype: Floating-point type of the result.
            lut_range: Bounds on the entries of lut, least and greatest, where known.
            bias: Floating point `(G, N)`, added to it; None for zeros.

        Returns:
            ``dtype``, `(G, M, N)`, contiguous.
        """
        x_sums = None
        if needs_x_sums(self.w_zero_point, self.w_centred):
            x_sums = self.x_values.sum(dim=2, dtype=torch.int64)
        terms = ProductTerms(
            self.x_zero_point, self.scale, self.w_signed, bias, self.w_zero_point, x_sums
        )
        if self.accumulator is not None:
            sums = self.sums(lut, lut_range=lut_range)
            return terms.rescaled(sums, self.w_codes, channel_axis=2, dtype=dtype)
        if lut is None:
            lut = exact_table(self.x_signed, self.w_signed, self.x_codes.device)
        return lut_matmul_reals(
            self.x_codes, self.w_codes, lut, terms,
            dtype=dtype, lut_range=lut_range, engine=self.engine,
        )  # fmt: skip

    def sums(self, lut: Tensor | None, *, lut_range: tuple[int, int] | None = None) -> Tensor:
        """Return the sums of the products as the accumulator holds them.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.

        Returns:
            int32 or int64 `(G, M, N)`.
        """
        if lut is None:
            lut = exact_table(self.x_signed, self.w_signed, self.x_codes.device)
        if self.accumulator is None:
            return lut_matmul(
                self.x_codes, self.w_codes, lut, lut_range=lut_range, engine=self.engine
            )
        return self.accumulator.matmul(
            self.x_codes, self.w_codes, lut, lut_range=lut_range, engine=self.engine
        )

    def corrections(self) -> Tensor:
        """Return the zero-point terms, exact: `accumulate` is `sums` plus these.

        Returns:
            int64 `(G, M, N)`, perhaps with elements that share memory.
        """
        shape = (len(self.x_codes), self.x_codes.shape[1], self.w_codes.shape[1])
        zero = torch.zeros((), dtype=torch.int64, device=self.x_codes.device)
        return self.subtract_zero_points(zero).expand(shape)

    def subtract_zero_points(self, sums: Tensor) -> Tensor:
        """Return sums of products, `(G, M, N)`, minus the zero-point terms.

        int64 for integer ``sums``, else float64: both hold every correction exactly.
        """
        x_sums = None
        if needs_x_sums(self.w_zero_point, self.w_centred):
            x_sums = self.x_values.sum(dim=2, dtype=torch.int64)[:, :, None]
        return subtract_zero_points(
            sums,
            x_sums=x_sums,
            w_sums=self.w_values.sum(dim=2, dtype=torch.int64)[:, None, :],
            depth=self.w_codes.shape[2],
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point[:, None, :],
        )
