"""Two-dimensional convolution as existing users call it; `conv` has it in any dimensions."""

from torch import Tensor

from htp import HtpCallable
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv import ApproxConvOp
from torchapprox.operators.convolution.conv_args import Conv2dArgs
from torchapprox.operators.operand_sink import OperandSink

__all__ = ["ApproxConv2dOp", "Conv2dArgs"]


class ApproxConv2dOp:
    """``F.conv2d(x, w)`` with every scalar product computed by an approximate multiplier."""

    @staticmethod
    def apply(
        x: Tensor,
        w: Tensor,
        quant_params: QuantizationParameters,
        conv_args: Conv2dArgs,
        htp_model: HtpCallable | None,
        out_dims: tuple[int, int] | None,
        lut: Tensor | None,
        traced_inputs: OperandSink | None,
    ) -> Tensor:
        """Return the convolution; see `ApproxConvOp`, which takes the same arguments.

        Args:
            x: Fake-quantised activations, floating point `(B, C, H, W)`.
            w: Fake-quantised weights, floating point `(N, C / groups, KH, KW)`.
            quant_params: How x and w are quantised.
            conv_args: The arguments of the convolution.
            htp_model: Used instead of the table if not None.
            out_dims: Height and width of the output; computed if None.
            lut: Products, int32 `(256, 256)`, row = code of x; the exact product if None.
            traced_inputs: Receives the operands' codes if not None.

        Returns:
            Floating point `(B, N, H_out, W_out)`, dequantised, of the type of ``x``. Its gradients
            are those of the exact convolution (straight-through estimator).

        Raises:
            TypeError: ``lut`` is not int32.
            ValueError: Shapes do not match, or an operand's codes do not fit its port.

        Examples:
            >>> import torch
            >>> x, w = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
            >>> one, zero = torch.tensor([1.0]), torch.tensor([0])
            >>> params = QuantizationParameters(one, zero, one, zero)
            >>> args = Conv2dArgs(1, 1, 2, 1, 0, 1, 1)
            >>> ApproxConv2dOp.apply(x, w, params, args, None, None, None, None)
            tensor([[[[4., 4.],
                      [4., 4.]]]])
        """
        if out_dims is not None and x.dim() == 4:
            expected = conv_args.output_size(*x.shape[2:])
            if tuple(out_dims) != expected:
                raise ValueError(f"'out_dims' must be {expected}, got {tuple(out_dims)}")
        y: Tensor = ApproxConvOp.apply(  # type: ignore[no-untyped-call]
            x, w, quant_params, conv_args, htp_model, lut, traced_inputs
        )
        return y
