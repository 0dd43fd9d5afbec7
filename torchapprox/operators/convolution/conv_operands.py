"""A convolution's operands as codes, and the integers that they make."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from htp import HtpCallable
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.codes import code_tensor_values
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.affine.zero_points import dequantise, needs_x_sums, subtract_zero_points
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_gemm_operands import ConvGemmOperands
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.htp_product import htp_product
from torchapprox.operators.lookup.exact_table import exact_table
from torchapprox.operators.lookup.lut_conv import images_in_parts, lut_conv
from torchapprox.operators.lookup.lut_conv_reals import lut_conv_reals


@dataclass(frozen=True)
class ConvOperands:
    """A convolution's operands as codes, the activations padded.

    Attributes:
        x_codes: Activation codes, uint8 `(B, C, *padded)`, contiguous.
        w_codes: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        x_range: Least and greatest value that the activation port accepts.
        w_range: The same for the weight port.
        x_zero_point: Zero point of the activations, int64 `(1,)`.
        w_zero_point: Zero points of the weights, int64 `(N,)`.
        scale: Product of the operands' scales, floating point `(N,)`.
        args: The arguments of the convolution.
        output_size: Size of the output along each axis.
        accumulator: What sums the products; exact if None.
        engine: What computes the sums; see `torchapprox.lut_matmul`.
        w_centred: Whether every zero point of the weights is 0; None if not known.
    """

    x_codes: Tensor
    w_codes: Tensor
    x_range: tuple[int, int]
    w_range: tuple[int, int]
    x_zero_point: Tensor
    w_zero_point: Tensor
    scale: Tensor
    args: ConvArgs
    output_size: tuple[int, ...]
    accumulator: Accumulator | None = None
    engine: str = "auto"
    w_centred: bool | None = None

    def lower(self) -> GemmOperands:
        """Return the grouped matrix product of the receptive fields with the kernels.

        Returns:
            Operands with M = B * prod(output_size) and K = C / groups * prod(kernel); the
            activation of position (channel, row, column) in a receptive field has index
            k = (channel * KH + row) * KW + column, and likewise in one and three dimensions.
        """
        groups = self.args.groups
        return ConvGemmOperands(
            padded=self.x_codes,
            shape=self._shape,
            margins=self.args.margins() if self.args.padding_mode == "zeros" else (),
            w_codes=self.w_codes.view(groups, -1, self.w_codes[0].numel()),
            x_range=self.x_range,
            w_range=self.w_range,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.reshape(groups, -1),
            scale=self.scale.reshape(groups, -1),
            accumulator=self.accumulator,
            engine=self.engine,
            w_centred=self.w_centred,
        )

    def accumulate(self, lut: Tensor | None, *, lut_range: tuple[int, int] | None = None) -> Tensor:
        """Return the products' sums minus the zero-point terms, exact integers.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.

        Returns:
            int64 `(B, N, *output_size)`, of any layout.
        """
        if self.accumulator is not None:
            return self._accumulate_in_parts(lut, lut_range)
        by_channel, x_sums = (-1, *[1] * self.args.DIMS), None
        if needs_x_sums(self.w_zero_point, self.w_centred):
            x_sums = self._x_sums().to(torch.int64).repeat_interleave(self._shape.rows, dim=1)
        return subtract_zero_points(
            self._sums(lut, lut_range),
            x_sums=x_sums,
            w_sums=self._w_sums().view(by_channel),
            depth=self._shape.depth,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.view(by_channel),
        )

    def reals(
        self,
        lut: Tensor | None,
        dtype: torch.dtype,
        *,
        lut_range: tuple[int, int] | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the convolution in real units.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            dtype: Floating-point type of the result.
            lut_range: Bounds on the entries of lut, least and greatest, where known.
            bias: Floating point `(N,)`, added to it; None for zeros.

        Returns:
            ``dtype``, `(B, N, *output_size)`, contiguous.
        """
        if self.accumulator is not None:
            by_channel = (-1, *[1] * self.args.DIMS)
            accumulators = self.accumulate(lut, lut_range=lut_range)
            y = dequantise(accumulators, self.scale.view(by_channel), dtype).contiguous()
            return y if bias is None else y + bias.view(by_channel)
        x_sums = None
        if needs_x_sums(self.w_zero_point, self.w_centred):
            x_sums = self._x_sums().flatten(2)
        w_signed = self.w_range[0] < 0
        if lut is None:
            lut = exact_table(self.x_range[0] < 0, w_signed, self.x_codes.device)
        shape = self._shape
        return lut_conv_reals(
            self.x_codes,
            self.w_codes,
            lut,
            ProductTerms(self.x_zero_point, self.scale, w_signed, bias, self.w_zero_point, x_sums),
            dtype=dtype,
            stride=shape.stride,
            dilation=shape.dilation,
            groups=shape.groups,
            lut_range=lut_range,
            engine=self.engine,
        )

    def _sums(self, lut: Tensor | None, lut_range: tuple[int, int] | None) -> Tensor:
        if lut is None:
            lut = exact_table(self.x_range[0] < 0, self.w_range[0] < 0, self.x_codes.device)
        shape = self._shape
        return lut_conv(
            self.x_codes,
            self.w_codes,
            lut,
            stride=shape.stride,
            dilation=shape.dilation,
            groups=shape.groups,
            lut_range=lut_range,
            engine=self.engine,
        )

    def _w_sums(self) -> Tensor:
        """Return the sum of each output channel's weights, int64 `(N,)`."""
        w_values = code_tensor_values(self.w_codes, signed=self.w_range[0] < 0)
        return w_values.flatten(1).sum(dim=1, dtype=torch.int64)

    def _x_sums(self) -> Tensor:
        """Return the sum of what each group of outputs sees, integers `(B, G, *output_size)`."""
        shape = self._shape
        steps: dict[str, Any] = {
            "stride": shape.stride,
            "dilation": shape.dilation,
            "groups": shape.groups,
        }
        if on_cuda(self.x_codes):
            # Products with 1: exact, which a device's convolutions of floats need not be.
            table = exact_table(self.x_range[0] < 0, self.w_range[0] < 0, self.x_codes.device)
            ones = torch.ones_like(self.w_codes[: shape.groups])
            return lut_conv(self.x_codes, ones, table, engine="lookup", **steps)
        values = code_tensor_values(self.x_codes, signed=self.x_range[0] < 0)
        by_group = values.view(
            shape.batch, shape.groups, shape.channels // shape.groups, *shape.size
        )
        of_groups = by_group.sum(dim=2, dtype=torch.float64)
        kernel = of_groups.new_ones(shape.groups, 1, *shape.kernel)
        return self.args.FUNCTION(of_groups, kernel, **steps).to(torch.int64)

    def _accumulate_in_parts(self, lut: Tensor | None, lut_range: tuple[int, int] | None) -> Tensor:
        """Sum in the accumulator.

        The receptive fields of one batch may take prod(kernel) times the memory of its codes, so
        that they are laid out for some images at a time.
        """
        parts = [
            replace(self, x_codes=part)
            .lower()
            .accumulate(lut, lut_range=lut_range)
            .mT.reshape(self.args.out_channels, len(part), *self.output_size)
            for part in images_in_parts(self.x_codes, self._shape)
        ]
        return torch.cat(parts, dim=1).transpose(0, 1)

    @property
    def _shape(self) -> ConvShape:
        return ConvShape.of(
            self.x_codes.shape,
            self.w_codes.shape,
            self.args.axes("stride"),
            self.args.axes("dilation"),
            self.args.groups,
        )

    def htp_product(self, model: HtpCallable) -> Tensor:
        """Return the same as `accumulate` through an HTP model, float64 `(B, N, *output_size)`."""
        return htp_product(
            model,
            self.args.FUNCTION,
            code_tensor_values(self.x_codes, signed=self.x_range[0] < 0),
            code_tensor_values(self.w_codes, signed=self.w_range[0] < 0),
            {**self.args.backward_args(), "padding": 0},
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.view(1, -1, *[1] * self.args.DIMS),
            w_centred=self.w_centred,
        )
