"""Numba kernels: arrays in, ``out`` filled; no torch, no checks.

Kernels for CUDA devices are imported where they are used, since they need `numba.cuda`.
"""

from torchapprox.kernels.features.feature_product import multiply_features_cpu
from torchapprox.kernels.lookup.depthwise_cpu import lookup_depthwise_cpu
from torchapprox.kernels.lookup.expanded_cpu import lookup_expanded_cpu
from torchapprox.kernels.lookup.line_cpu import lookup_lines_cpu
from torchapprox.kernels.lookup.lookup_cpu import lookup_dot_cpu, lookup_runs_cpu
from torchapprox.kernels.lookup.lookup_vector import lookup_vector_cpu
from torchapprox.kernels.lookup.saturating_cpu import saturating_runs_cpu
from torchapprox.kernels.quantise.quantise_cpu import (
    clip_gradient_cpu,
    fake_quantise_cpu,
    quantise_cpu,
)
from torchapprox.kernels.results.rescale_cpu import (
    offsets_cpu,
    rescale_columns_cpu,
    rescale_rows_cpu,
    rescale_transposed_cpu,
)
from torchapprox.kernels.statistics.gather_cpu import gather_cpu
from torchapprox.kernels.statistics.histogram_cpu import histogram_cpu, matrix_histogram_cpu
from torchapprox.kernels.statistics.joint_histogram_cpu import joint_histogram_cpu
from torchapprox.kernels.statistics.moments_cpu import moments_cpu
from torchapprox.kernels.statistics.value_histogram_cpu import value_histogram_cpu
from torchapprox.kernels.statistics.window_histogram_cpu import window_histogram_cpu

__all__ = [
    "clip_gradient_cpu",
    "fake_quantise_cpu",
    "gather_cpu",
    "histogram_cpu",
    "joint_histogram_cpu",
    "lookup_depthwise_cpu",
    "lookup_dot_cpu",
    "lookup_expanded_cpu",
    "lookup_lines_cpu",
    "lookup_runs_cpu",
    "lookup_vector_cpu",
    "matrix_histogram_cpu",
    "moments_cpu",
    "multiply_features_cpu",
    "offsets_cpu",
    "quantise_cpu",
    "rescale_columns_cpu",
    "rescale_rows_cpu",
    "rescale_transposed_cpu",
    "saturating_runs_cpu",
    "value_histogram_cpu",
    "window_histogram_cpu",
]
