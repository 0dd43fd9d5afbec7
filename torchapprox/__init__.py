"""Run, explain and retrain PyTorch networks on approximate hardware multipliers."""

from torchapprox.batchnorm import Folding, fold_batchnorm
from torchapprox.bias_folding import fold_mean_error, unfold_mean_error
from torchapprox.calibration import calibrate
from torchapprox.conversion import approximate, revert
from torchapprox.coverage import Coverage, CoverageRow, coverage
from torchapprox.layers import InferenceMode
from torchapprox.operators import Accumulator, GemmOperands, lut_matmul
from torchapprox.quantisers import qconfig
from torchapprox.selection import execution_order
from torchapprox.summary import ConversionSummary, ConvertedLayer
from torchapprox.tracing import (
    LayerTrace,
    LayerTracer,
    OperandSample,
    Trace,
    channel_error_means,
    observe_operands,
    trace,
)
from torchapprox.wrapping import get_approx_modules, wrap_quantizable

__all__ = [
    "Accumulator",
    "ConversionSummary",
    "ConvertedLayer",
    "Coverage",
    "CoverageRow",
    "Folding",
    "GemmOperands",
    "InferenceMode",
    "LayerTrace",
    "LayerTracer",
    "OperandSample",
    "Trace",
    "approximate",
    "calibrate",
    "channel_error_means",
    "coverage",
    "execution_order",
    "fold_batchnorm",
    "fold_mean_error",
    "get_approx_modules",
    "lut_matmul",
    "observe_operands",
    "qconfig",
    "revert",
    "trace",
    "unfold_mean_error",
    "wrap_quantizable",
]
