"""The CUDA kernels as operators on CPU tensors: in Numba's simulator, or through a device."""

import torch
from numba import cuda

from torchapprox.kernels.lookup_cuda import lookup_cuda
from torchapprox.kernels.saturating_cuda import saturating_cuda
from torchapprox.operators.conv_lines import ConvShape
from torchapprox.operators.lut_conv import receptive_fields

launches = []
"""The kernels that ran, in order; for tests that ask whether any did."""


def _run(kernel, x, w, lut, *limits):
    out = torch.empty(len(x), w.shape[1], x.shape[1], dtype=torch.int64)
    operands = (lut.T.contiguous(), w.contiguous(), x.mT.contiguous(), out)
    launches.append(kernel)
    arrays = [cuda.to_device(operand.numpy()) for operand in operands]
    kernel(*arrays, *limits)
    return torch.from_numpy(arrays[-1].copy_to_host()).mT


def lut_matmul(x, w, lut, *, lut_range=None, engine="auto"):
    return _run(lookup_cuda, x, w, lut)


def saturating_matmul(x, w, lut, *, bits):
    return _run(saturating_cuda, x, w, lut, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def lut_conv(x, w, lut, *, stride, dilation, groups, lut_range=None, engine="auto"):
    """As the operator computes on a CUDA device: receptive fields, then a matrix product."""
    shape = ConvShape(
        batch=len(x), channels=x.shape[1], size=tuple(x.shape[2:]), out_channels=len(w),
        kernel=tuple(w.shape[2:]), stride=stride, dilation=dilation, groups=groups,
    )  # fmt: skip
    sums = lut_matmul(receptive_fields(x, shape), w.view(groups, shape.rows, shape.depth), lut)
    return sums.mT.reshape(len(w), len(x), *shape.output_size).transpose(0, 1).contiguous()


def use_cuda_kernels(monkeypatch):
    """Have every layer's products computed by the CUDA kernels."""
    operators = "torchapprox.operators"
    monkeypatch.setattr(f"{operators}.conv_operands.lut_conv", lut_conv)
    monkeypatch.setattr(f"{operators}.gemm_operands.lut_matmul", lut_matmul)
    monkeypatch.setattr(f"{operators}.accumulator.lut_matmul", lut_matmul)
    monkeypatch.setattr(f"{operators}.accumulator.saturating_matmul", saturating_matmul)
