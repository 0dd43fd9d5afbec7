"""Operators: check, dispatch by device, differentiate. The arithmetic is in the kernels."""

from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.codes import to_codes
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.approx_matmul import approx_matmul, lower_matmul
from torchapprox.operators.approxgemm import ApproxGeMM
from torchapprox.operators.attention import approx_scaled_dot_product_attention
from torchapprox.operators.conv2d import ApproxConv2dOp, Conv2dArgs
from torchapprox.operators.convolution.conv import ApproxConvOp
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.lookup.lut_matmul import lut_matmul

__all__ = [
    "Accumulator",
    "ApproxConv2dOp",
    "ApproxConvOp",
    "ApproxGeMM",
    "Conv2dArgs",
    "GemmOperands",
    "QuantizationParameters",
    "approx_matmul",
    "approx_scaled_dot_product_attention",
    "lower_matmul",
    "lut_matmul",
    "to_codes",
]
