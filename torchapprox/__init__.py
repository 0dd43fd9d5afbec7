"""Run, explain and retrain PyTorch networks on approximate hardware multipliers."""

from torchapprox.conversion import (
    ConversionSummary,
    ConvertedLayer,
    approximate,
    calibrate,
    revert,
)
from torchapprox.layers import InferenceMode
from torchapprox.operators import Accumulator, GemmOperands, lut_matmul
from torchapprox.tracing import LayerTrace, Trace, observe_operands, trace
from torchapprox.wrapping import get_approx_modules, wrap_quantizable

__all__ = [
    "Accumulator",
    "ConversionSummary",
    "ConvertedLayer",
    "GemmOperands",
    "InferenceMode",
    "LayerTrace",
    "Trace",
    "approximate",
    "calibrate",
    "get_approx_modules",
    "lut_matmul",
    "observe_operands",
    "revert",
    "trace",
    "wrap_quantizable",
]
