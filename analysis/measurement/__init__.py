"""What a network does on a multiplier: traced, measured, and beside what was predicted."""

from analysis.measurement.comparison import (
    LayerComparison,
    compare,
    compare_layers,
    ratio_quantiles,
)
from analysis.measurement.measure import MeasuredError, measure_errors, measure_many, output_error
from analysis.measurement.moments import ChannelMoments
from analysis.measurement.tracing import trace_batches

__all__ = [
    "ChannelMoments",
    "LayerComparison",
    "MeasuredError",
    "compare",
    "compare_layers",
    "measure_errors",
    "measure_many",
    "output_error",
    "ratio_quantiles",
    "trace_batches",
]
