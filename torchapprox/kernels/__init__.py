"""Numba kernels: arrays in, ``out`` filled; no torch, no checks.

`lookup_cuda` is imported where it is used, since it needs `numba.cuda`.
"""

from torchapprox.kernels.histogram_cpu import histogram_cpu
from torchapprox.kernels.lookup_cpu import lookup_dot_cpu, lookup_runs_cpu

__all__ = ["histogram_cpu", "lookup_dot_cpu", "lookup_runs_cpu"]
