"""Matrix product of codes whose sums saturate after every addition."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import saturating_runs_cpu
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.library_op import library_op
from torchapprox.operators.lookup.device_table import device_table
from torchapprox.operators.lookup.lut_matmul import check_operands


def saturating_matmul(x: Tensor, w: Tensor, lut: Tensor, *, bits: int) -> Tensor:
    """Return ``s[K]`` for every row of x and w, with saturation after each product.

        s[0] = 0,   s[k + 1] = min(max(s[k] + lut[x[k], w[k]], -2^(bits - 1)), 2^(bits - 1) - 1)

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        lut: Products, int32 `(256, 256)`, row = code of x.
        bits: Width of the sum, 2 to 62.

    Returns:
        int64 `(G, M, N)`, on the operands' device.

    Raises:
        TypeError: A dtype is not as above.
        ValueError: Shapes do not match or devices differ.
        NotImplementedError: The operands are neither on the CPU nor on a CUDA device.

    Examples:
        >>> table = torch.full((256, 256), 100, dtype=torch.int32)
        >>> table[2] = -100
        >>> x = torch.tensor([[[1, 1, 2]]], dtype=torch.uint8)  # 100 + 100, then - 100
        >>> saturating_matmul(x, x, table, bits=8)
        tensor([[[27]]])
    """
    check_operands(x, w, lut)
    result: Tensor = torch.ops.torchapprox.saturating_matmul(x, w, lut, bits)
    return result


@library_op("saturating_matmul", device="cpu")
def _saturating_matmul(x: Tensor, w: Tensor, lut: Tensor, bits: int) -> Tensor:
    *tensors, result = _arrange(x, w, lut)
    table, rows, runs, out = map(_numpy, tensors)
    low, high = _limits(bits)
    saturating_runs_cpu(table, rows, runs, out, low, high, threads=torch.get_num_threads())
    return result


@_saturating_matmul.register_kernel("cuda")
def _(x: Tensor, w: Tensor, lut: Tensor, bits: int) -> Tensor:
    _, *tensors, result = _arrange(x, w, lut)
    tensors.insert(0, device_table(lut).rows(by_x=not _x_runs(x, w)))
    low, high = _limits(bits)
    with cuda_device(x.device) as stream:
        from torchapprox.kernels.lookup.saturating_cuda import saturating_cuda  # noqa: PLC0415

        table, rows, runs, out = map(device_array, tensors)
        saturating_cuda(table, rows, runs, out, low, high, stream=stream)
    return result


@_saturating_matmul.register_fake
def _(x: Tensor, w: Tensor, lut: Tensor, bits: int) -> Tensor:  # noqa: ARG001
    return _empty_result(x, w)[1]


def _arrange(x: Tensor, w: Tensor, lut: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Give the operands the parts of the kernels: the longer one runs, the other selects rows.

    Returns:
        Contiguous table, rows, runs and out as the kernels take them, and the result, a view of
        ``out`` of shape `(G, M, N)`.
    """
    out, result = _empty_result(x, w)
    if _x_runs(x, w):
        return lut.T.contiguous(), w.contiguous(), x.mT.contiguous(), out, result
    return lut.contiguous(), x.contiguous(), w.mT.contiguous(), out, result


def _empty_result(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    groups, m, n = x.shape[0], x.shape[1], w.shape[1]
    if _x_runs(x, w):
        out = x.new_empty((groups, n, m), dtype=torch.int64)
        return out, out.mT
    out = x.new_empty((groups, m, n), dtype=torch.int64)
    return out, out


def _x_runs(x: Tensor, w: Tensor) -> bool:
    return x.shape[1] >= w.shape[1]


def _limits(bits: int) -> tuple[int, int]:
    half = 1 << (bits - 1)
    return -half, half - 1


def _numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().numpy()
