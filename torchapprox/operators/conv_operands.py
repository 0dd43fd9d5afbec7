"""A convolution's operands as codes, and the integers that they make."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from htp import HtpCallable
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.codes import code_tensor_values
from torchapprox.operators.conv_args import ConvArgs
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.htp_product import htp_product
from torchapprox.operators.padding import pad_codes
from torchapprox.operators.quantization_parameters import QuantizationParameters

MOST_RECEPTIVE_FIELD_BYTES = 2**27


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

    @classmethod
    def quantise(
        cls,
        x: Tensor,
        w: Tensor,
        params: QuantizationParameters,
        args: ConvArgs,
        accumulator: Accumulator | None = None,
    ) -> "ConvOperands":
        """Turn the operands into codes and pad the activations.

        Args:
            x: Fake-quantised activations, floating point `(B, C, *size)`.
            w: Fake-quantised weights, floating point `(N, C / groups, *kernel)`.
            params: How they are quantised.
            args: The arguments of the convolution.
            accumulator: What sums the products; exact if None.

        Raises:
            ValueError: Shapes do not match, or an operand's codes do not fit its port.
        """
        check_conv_shapes(x, w, args.in_channels, args.DIMS, args.weight_shape)
        output_size = args.output_size(*x.shape[2:])
        n = args.out_channels
        params.check_channels(n)
        x_zero_point = params.x_zero_point.view(1).to(torch.int64)
        codes, x_range = params.x_operand.codes(x)
        w_codes, w_range = params.w_operand(args.over_weight).codes(w)
        return cls(
            x_codes=pad_codes(codes, x_zero_point, args.margins(), args.padding_mode),
            w_codes=w_codes.contiguous(),
            x_range=x_range,
            w_range=w_range,
            x_zero_point=x_zero_point,
            w_zero_point=params.w_zero_point.view(-1).to(torch.int64).expand(n),
            scale=(params.x_scale * params.w_scale).view(-1).expand(n),
            args=args,
            output_size=output_size,
            accumulator=accumulator,
        )

    def lower(self) -> GemmOperands:
        """Return the grouped matrix product of the receptive fields with the kernels.

        Returns:
            Operands with M = B * prod(output_size) and K = C / groups * prod(kernel); the
            activation of position (channel, row, column) in a receptive field has index
            k = (channel * KH + row) * KW + column, and likewise in one and three dimensions.
        """
        groups, kernel = self.args.groups, self.w_codes.shape[2:]
        batch, channels = self.x_codes.shape[:2]
        image, channel, *steps = self.x_codes.stride()
        taps = [s * d for s, d in zip(steps, self.args.axes("dilation"), strict=True)]
        hops = [s * d for s, d in zip(steps, self.args.axes("stride"), strict=True)]
        # Receptive fields as a view (C, *kernel, B, *output), then one copy. Rows of the operand
        # come out contiguous along the output positions, as the kernels read them.
        fields = self.x_codes.as_strided(
            (channels, *kernel, batch, *self.output_size), (channel, *taps, image, *hops)
        )
        depth, rows = self.w_codes[0].numel(), batch * math.prod(self.output_size)
        return GemmOperands(
            x_codes=fields.reshape(groups, depth, rows).mT,
            w_codes=self.w_codes.view(groups, -1, depth),
            x_range=self.x_range,
            w_range=self.w_range,
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.reshape(groups, -1),
            scale=self.scale.reshape(groups, -1),
            accumulator=self.accumulator,
        )

    def accumulate(self, lut: Tensor | None, *, max_product: int | None = None) -> Tensor:
        """Return the products' sums minus the zero-point terms, exact integers.

        The receptive fields of one batch may take prod(kernel) times the memory of its codes, so
        that they are laid out for some images at a time.

        Args:
            lut: Products, int32 `(256, 256)`, row = activation code; the exact ones if None.
            max_product: A bound on max|lut|, where it is known.

        Returns:
            int64 `(B, N, *output_size)`, of any layout.
        """
        parts = [
            part.lower()
            .accumulate(lut, max_product=max_product)
            .mT.reshape(self.args.out_channels, len(part.x_codes), *self.output_size)
            for part in self._parts()
        ]
        return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)).transpose(0, 1)

    def htp_product(self, model: HtpCallable) -> Tensor:
        """Return the same as `accumulate` through an HTP model, float64 `(B, N, *output_size)`."""
        return htp_product(
            model,
            type(self.args).FUNCTION,
            code_tensor_values(self.x_codes, signed=self.x_range[0] < 0),
            code_tensor_values(self.w_codes, signed=self.w_range[0] < 0),
            {**self.args.backward_args(), "padding": 0},
            x_zero_point=self.x_zero_point,
            w_zero_point=self.w_zero_point.view(1, -1, *[1] * self.args.DIMS),
        )

    def _parts(self) -> Iterator["ConvOperands"]:
        """Split the batch so that the receptive fields of a part are of bounded size."""
        channels, kernel = self.x_codes.shape[1], self.w_codes.shape[2:]
        image_bytes = channels * math.prod(kernel) * math.prod(self.output_size)
        images = max(1, MOST_RECEPTIVE_FIELD_BYTES // max(1, image_bytes))
        if len(self.x_codes) <= images:
            yield self
            return
        for part in torch.split(self.x_codes, images):
            yield replace(self, x_codes=part)


def check_conv_shapes(
    x: Tensor, w: Tensor, in_channels: int, dims: int, weight_shape: tuple[int, ...]
) -> None:
    """Raise ValueError unless operands are of a convolution's shapes."""
    if x.dim() != dims + 2 or x.shape[1] != in_channels:
        letters = ", ".join("DHW"[-dims:] if dims > 1 else "L")
        raise ValueError(f"'x' must be (B, {in_channels}, {letters}), got {tuple(x.shape)}")
    if tuple(w.shape) != weight_shape:
        raise ValueError(f"'w' must be {weight_shape}, got {tuple(w.shape)}")
