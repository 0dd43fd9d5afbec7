"""From a float model to an approximate one, and back."""

from torchapprox.conversion.attention_calls import wrap_attention_calls
from torchapprox.conversion.batchnorm import Folding, fold_batchnorm
from torchapprox.conversion.bias_folding import fold_mean_error, unfold_mean_error
from torchapprox.conversion.calibration import calibrate
from torchapprox.conversion.convert import approximate, revert
from torchapprox.conversion.layer_selection import execution_order
from torchapprox.conversion.summary import ConversionSummary, ConvertedLayer
from torchapprox.conversion.wrapping import get_approx_modules, wrap_quantizable

__all__ = [
    "ConversionSummary",
    "ConvertedLayer",
    "Folding",
    "approximate",
    "calibrate",
    "execution_order",
    "fold_batchnorm",
    "fold_mean_error",
    "get_approx_modules",
    "revert",
    "unfold_mean_error",
    "wrap_attention_calls",
    "wrap_quantizable",
]
