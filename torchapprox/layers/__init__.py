"""Approximate layers: they hold the state; the arithmetic is in the operators."""

from torchapprox.layers.approx_conv2d import ApproxConv2d
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.layer_mapping import layer_mapping_dict

__all__ = [
    "ApproxConv2d",
    "ApproxLayer",
    "ApproxLinear",
    "ApproxWrapper",
    "InferenceMode",
    "layer_mapping_dict",
]
