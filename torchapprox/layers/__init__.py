"""Approximate layers: they hold the state; the arithmetic is in the operators."""

from torchapprox.layers.approx_conv import ApproxConv1d, ApproxConv2d, ApproxConv3d
from torchapprox.layers.approx_conv_transpose import (
    ApproxConvTranspose1d,
    ApproxConvTranspose2d,
    ApproxConvTranspose3d,
)
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.layers.approx_wrapper import ApproxWrapper
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
    "ApproxWrapper",
    "InferenceMode",
    "layer_mapping_dict",
]
