"""The CUDA kernels below the CPU operators: on CPU tensors, in Numba's simulator."""

import pytest
import torch

from torchapprox.kernels.saturating_cuda import saturating_cuda
from torchapprox.operators.cuda_arrays import in_simulator
from torchapprox.operators.lookup import lut_conv, lut_matmul, saturating_matmul
from torchapprox.operators.lookup.cuda_lookup import cuda_conv, cuda_lookup, least_of_image
from torchapprox.operators.lookup.lut_matmul import entry_range

needs_simulator = pytest.mark.skipif(
    not in_simulator(), reason="needs Numba's CUDA simulator, which takes CPU tensors"
)

launches = []
"""The operators that ran, in order; for tests that ask whether any did."""


def use_cuda_kernels(monkeypatch):
    """Have every layer's products computed by the CUDA kernels."""
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
    monkeypatch.setattr(lut_matmul, "cpu_lookup", _lookup)
    monkeypatch.setattr(lut_conv, "_read_in_place", _conv)
    monkeypatch.setattr(saturating_matmul, "saturating_runs_cpu", _saturating)


def _lookup(x, w, lut, result, kernel):
    launches.append("lut_matmul")
    cuda_lookup(x, w, lut, result, _least(lut, result))


def _conv(x, w, lut, shape, out, kernel):
    launches.append("lut_conv")
    cuda_conv(x, w, lut, shape, out, _least(lut, out))
    return True


def _saturating(table, rows, runs, out, low, high, *, threads):
    launches.append("saturating_matmul")
    saturating_cuda(table, rows, runs, out, low, high)


def _least(lut, sums):
    return least_of_image(entry_range(lut), wide=sums.dtype == torch.int64)
