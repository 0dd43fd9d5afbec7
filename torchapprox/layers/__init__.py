"""Approximate layers: they hold the state; the arithmetic is in the operators."""

from torchapprox.layers.approx_conv import ApproxConv1d, ApproxConv2d, ApproxConv3d
from torchapprox.layers.approx_conv_transpose import (
    ApproxConvTranspose1d,
    ApproxConvTranspose2d,
    ApproxConvTranspose3d,
)
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.layers.approx_matmul import ApproxMatmul
from torchapprox.layers.approx_scaled_dot_product_attention import (
    ApproxScaledDotProductAttention,
)
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.float_products import Matmul, ScaledDotProductAttention
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.layer_mapping import layer_mapping_dict

__all__ = [
    "ApproxConv1d",
    "ApproxConv2d",
    "ApproxConv3d",
    "ApproxConvTranspose1d",
    "ApproxConvTranspose2d",
    "ApproxConvTranspose3d",
    "ApproxLayer",
    "ApproxLinear",
    "ApproxMatmul",
    "ApproxScaledDotProductAttention",
    "ApproxWrapper",
    "InferenceMode",
    "Matmul",
    "ScaledDotProductAttention",
    "layer_mapping_dict",
]
