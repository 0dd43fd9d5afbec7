"""A transposed convolution's operands as codes, and the integers that they make.

Output o of a transposed convolution is the sum over all inputs i and taps t of the kernel with
``o + padding = i * stride + t * dilation``. It is computed as a matrix product of every input
position with every kernel, whose sums are over the input channels of a group only, and whose
results are added where they belong (GEMM and col2im). Hence each product that the layer's
definition names is made exactly once and has its own zero-point terms, and no other product is
made: the hardware that this stands for is a matrix engine with an adder in front of its output
buffer, not one that convolves an input with zeros inserted between its elements, whose zeros would
go through the multiplier. Products whose sum ``padding`` cuts off again are made as well.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType

import torch
from torch import Tensor

from htp import HtpCallable
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.codes import code_tensor_values
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.convolution.conv_transpose_args import ConvTransposeArgs
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.htp_product import htp_sums

MOST_RESULTS = 2**24  # 128 MB in int64


@dataclass(frozen=True)
class ConvTransposeOperands:
    """A transposed convolution's operands as codes.

    Attributes:
        x_codes: Activation codes, uint8 `(B, C, *size)`.
        w_codes: Weight codes, uint8 `(C, N / groups, *kernel)`.
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
    args: ConvTransposeArgs
    output_size: tuple[int, ...]
    accumulator: Accumulator | None = None
    engine: str = "auto"
    w_centred: bool | None = None

    def lower(self) -> GemmOperands:
        """Return the grouped matrix product of input positions and taps of the kernels.

        Returns:
            Operands with M = B * prod(size), N = N / groups * prod(kernel) and K = C / groups. The
            columns are in the order (output channel of the group, tap). Each result is one summand
            of an output.
        """
        groups, taps = self.args.groups, self.w_codes[0, 0].numel()
        depth = self.args.in_channels // groups
        positions = self.x_codes.transpose(0, 1)
        columns = self.w_codes.reshape(groups, depth, -1)
        return GemmOperands(
            x_codes=positions.reshape(groups, depth, positions[0].numel()).mT,
            w_codes=columns.mT.contiguous(),
            x_range=self.x_range,
            w_range=self.w_range,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.view(groups, -1).repeat_interleave(taps, dim=1),
            scale=self.scale.view(groups, -1).repeat_interleave(taps, dim=1),
            accumulator=self.accumulator,
            engine=self.engine,
            w_centred=self.w_centred,
        )

    def accumulate(self, lut: Tensor | None, *, lut_range: tuple[int, int] | None = None) -> Tensor:
        """Return the products' sums minus the zero-point terms, exact integers.

        With an accumulator, the sum over the input channels of each tap is made in it from 0, and
        these sums are added in one more of the same width, in ascending order of the taps. The
        results of the matrix product may take prod(kernel) times the memory of the output, so that
        it is made for some images at a time.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            lut_range: Bounds on the entries of lut, least and greatest, where known.

        Returns:
            int64 `(B, N, *output_size)`.
        """
        parts = [part._accumulate(lut, lut_range) for part in self._parts()]  # noqa: SLF001
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def reals(
        self,
        lut: Tensor | None,
        dtype: torch.dtype,
        *,
        lut_range: tuple[int, int] | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the transposed convolution in real units; arguments as `accumulate`.

        Args:
            lut: As there.
            dtype: Floating-point type of the result.
            lut_range: As there.
            bias: Floating point `(N,)`, added to the result; None for zeros.

        Returns:
            ``dtype``, `(B, N, *output_size)`, contiguous.
        """
        by_channel = (-1, *[1] * self.args.DIMS)
        accumulators = self.accumulate(lut, lut_range=lut_range)
        y = dequantise(accumulators, self.scale.view(by_channel), dtype).contiguous()
        return y if bias is None else y + bias.view(by_channel)

    def htp_product(self, model: HtpCallable) -> Tensor:
        """Return the same as `accumulate` through an HTP model, float64 `(B, N, *output_size)`."""
        sums = htp_sums(
            model,
            self.args.FUNCTION,
            code_tensor_values(self.x_codes, signed=self.x_range[0] < 0),
            code_tensor_values(self.w_codes, signed=self.w_range[0] < 0),
            self.args.backward_args(),
            depth=self.w_codes[0, 0].numel() * (self.args.in_channels // self.args.groups),
        )
        return sums.double() + self._scatter(self.lower().corrections(), None)

    def _accumulate(self, lut: Tensor | None, lut_range: tuple[int, int] | None) -> Tensor:
        operands = self.lower()
        if self.accumulator is None:
            return self._scatter(operands.accumulate(lut, lut_range=lut_range), None)
        sums = self._scatter(operands.sums(lut, lut_range=lut_range), self.accumulator)
        return sums + self._scatter(operands.corrections(), None)

    def _parts(self) -> Iterator["ConvTransposeOperands"]:
        """Split the batch so that the results of a part's matrix product are of bounded size."""
        results = self.x_codes[:1, 0].numel() * self.w_codes[0].numel() * self.args.groups
        images = max(1, MOST_RESULTS // max(1, results))
        if len(self.x_codes) <= images:
            yield self
            return
        for part in torch.split(self.x_codes, images):
            yield replace(self, x_codes=part)

    def _scatter(self, columns: Tensor, accumulator: Accumulator | None) -> Tensor:
        """Add the results of the matrix product `(G, M, N)` where they belong (col2im)."""
        groups, batch, size = self.args.groups, len(self.x_codes), self.x_codes.shape[2:]
        kernel = self.w_codes.shape[2:]
        stride, dilation = self.args.axes("stride"), self.args.axes("dilation")
        channels, taps = self.w_codes.shape[1], self.w_codes[0, 0].numel()
        by_tap = columns.mT.reshape(groups, channels, taps, batch, *size)
        full = self.args.scatter_size(*size)
        out = columns.new_zeros((groups, channels, batch, *full), dtype=torch.int64)
        for tap, position in enumerate(itertools.product(*map(range, kernel))):
            first = [t * d for t, d in zip(position, dilation, strict=True)]
            view = out[_window(first, size, stride)]
            view += by_tap[:, :, tap]
            if accumulator is not None and accumulator.fits_each_step:
                view.copy_(accumulator.fit(view))
        if accumulator is not None:
            out = accumulator.fit(out)
        kept = out[_window(self.args.axes("padding"), self.output_size, (1,) * len(size))]
        return kept.flatten(0, 1).transpose(0, 1)


def _window(
    first: Sequence[int], count: Sequence[int], step: Sequence[int]
) -> tuple[EllipsisType | slice, ...]:
    """Return an index that takes ``count`` elements along each of the last axes."""
    axes = zip(first, count, step, strict=True)
    return (..., *(slice(f, f + (n - 1) * s + 1, s) for f, n, s in axes))
