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
from torchapprox.layers.approx_multihead_attention import ApproxMultiheadAttention
from torchapprox.layers.approx_recurrent import ApproxGRU, ApproxLSTM, ApproxRNN
from torchapprox.layers.approx_recurrent_cell import ApproxGRUCell, ApproxLSTMCell, ApproxRNNCell
from torchapprox.layers.approx_scaled_dot_product_attention import (
    ApproxScaledDotProductAttention,
)
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.composite import Composite
from torchapprox.layers.composite_mapping import (
    composite_mapping_dict,
    convertible_types,
    is_composite,
)
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
    "ApproxGRU",
    "ApproxGRUCell",
    "ApproxLSTM",
    "ApproxLSTMCell",
    "ApproxLayer",
    "ApproxLinear",
    "ApproxMatmul",
    "ApproxMultiheadAttention",
    "ApproxRNN",
    "ApproxRNNCell",
    "ApproxScaledDotProductAttention",
    "ApproxWrapper",
    "Composite",
    "InferenceMode",
    "Matmul",
    "ScaledDotProductAttention",
    "composite_mapping_dict",
    "convertible_types",
    "is_composite",
    "layer_mapping_dict",
]
