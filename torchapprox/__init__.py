"""Run, explain and retrain PyTorch networks on approximate hardware multipliers."""

from torchapprox.conversion import (
    ConversionSummary,
    ConvertedLayer,
    Folding,
    approximate,
    calibrate,
    execution_order,
    fold_batchnorm,
    fold_mean_error,
    get_approx_modules,
    revert,
    unfold_mean_error,
    wrap_attention_calls,
    wrap_quantizable,
)
from torchapprox.coverage import Coverage, CoverageRow, coverage
from torchapprox.layers import InferenceMode
from torchapprox.operators import Accumulator, GemmOperands, lut_matmul
from torchapprox.quantisation import qconfig
from torchapprox.tracing import (
    LayerTrace,
    LayerTracer,
    OperandSample,
    Trace,
    channel_error_means,
    observe_operands,
    trace,
)

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
    "wrap_attention_calls",
    "wrap_quantizable",
]
