"""From sums of products to real numbers, in one pass."""

from typing import Any

import torch
from torch import Tensor

from torchapprox.kernels import rescale_columns_cpu, rescale_rows_cpu, rescale_transposed_cpu
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.library_op import library_op


def rescale(
    sums: Tensor,
    offset: Tensor,
    scale: Tensor,
    *,
    channel_axis: int,
    dtype: torch.dtype,
    x_sums: Tensor | None = None,
    w_zero_point: Tensor | None = None,
) -> Tensor:
    """Return ``scale * (sums - offset - x_sums * w_zero_point)``, of the bits of `dequantise`.

    Args:
        sums: int32 or int64 `(G, N, L)` with channels on axis 1, or `(G, M, N)` with channels on
            axis 2.
        offset: int64, by channel: `(N,)` for axis 1, `(G, N)` for axis 2.
        scale: Floating point, of the shape of ``offset``.
        channel_axis: 1 or 2.
        dtype: Floating-point type of the result.
        x_sums: Integers that all channels of a group share: `(G, groups, L)` for axis 1, with
            groups of N / groups neighbours, or `(G, M)` for axis 2; None for zeros.
        w_zero_point: int64, of the shape of ``offset``; needed with ``x_sums``.

    Returns:
        ``dtype``, the shape of ``sums``, contiguous.

    Examples:
        >>> sums = torch.tensor([[[5, 7], [1, 3]]], dtype=torch.int32)
        >>> offset, scale = torch.tensor([1, 3]), torch.tensor([1.0, 0.5])
        >>> rescale(sums, offset, scale, channel_axis=1, dtype=torch.float32)
        tensor([[[ 4.,  6.],
                 [-1.,  0.]]])
        >>> rescale(sums, offset, scale, channel_axis=1, dtype=torch.float32,
        ...         x_sums=torch.tensor([[[1, 2]]]), w_zero_point=torch.tensor([0, 2]))
        tensor([[[ 4.,  6.],
                 [-2., -2.]]])
    """
    wide = torch.promote_types(dtype, torch.float32)
    reals: Tensor = torch.ops.torchapprox.rescale(
        sums, offset, scale.to(wide), channel_axis, x_sums, w_zero_point
    )
    return reals.to(dtype)


@library_op("rescale")
def _rescale(
    sums: Tensor,
    offset: Tensor,
    scale: Tensor,
    channel_axis: int,
    x_sums: Tensor | None = None,
    w_zero_point: Tensor | None = None,
) -> Tensor:
    by_channel = (1, -1, 1) if channel_axis == 1 else (len(offset), 1, -1)
    corrected = sums.to(torch.int64) - offset.view(by_channel)
    if x_sums is not None and w_zero_point is not None:
        shared = (
            x_sums.repeat_interleave(sums.shape[1] // x_sums.shape[1], dim=1)
            if channel_axis == 1
            else x_sums[:, :, None]
        )
        corrected -= shared * w_zero_point.reshape(by_channel)
    return dequantise(corrected, scale.view(by_channel), scale.dtype).contiguous()


@_rescale.register_kernel("cpu")
def _(
    sums: Tensor,
    offset: Tensor,
    scale: Tensor,
    channel_axis: int,
    x_sums: Tensor | None = None,
    w_zero_point: Tensor | None = None,
) -> Tensor:
    if x_sums is not None:
        reals: Tensor = _rescale.kernels["default"](
            sums, offset, scale, channel_axis, x_sums, w_zero_point
        )
        return reals
    out = torch.empty(sums.shape, dtype=scale.dtype)
    channels = offset.detach().contiguous().numpy(), scale.detach().contiguous().numpy()
    threads = torch.get_num_threads()
    if channel_axis == 1:
        rows = sums.contiguous().flatten(0, 1).numpy()
        rescale_rows_cpu(rows, *channels, out.view(rows.shape).numpy(), threads=threads)
    elif sums.is_contiguous() or not sums.mT.is_contiguous():
        rescale_columns_cpu(sums.contiguous().numpy(), *channels, out.numpy(), threads=threads)
    else:
        rescale_transposed_cpu(sums.mT.numpy(), *channels, out.numpy(), threads=threads)
    return out


@_rescale.register_kernel("cuda")
def _(
    sums: Tensor,
    offset: Tensor,
    scale: Tensor,
    channel_axis: int,
    x_sums: Tensor | None = None,
    w_zero_point: Tensor | None = None,
) -> Tensor:
    out = torch.empty(sums.shape, dtype=scale.dtype, device=sums.device)
    shared = sums.new_empty((0, 0)) if x_sums is None else x_sums.contiguous()
    zero = offset if w_zero_point is None else w_zero_point
    with cuda_device(sums.device) as stream:
        from torchapprox.kernels.results import rescale_cuda as kernels  # noqa: PLC0415

        reals, launch = out, kernels.rescale_columns_cuda
        if channel_axis == 1:
            launch = kernels.rescale_rows_cuda
            sums, reals = sums.contiguous().flatten(0, 1), out.flatten(0, 1)
            shared = shared if x_sums is None else shared.flatten(0, 1)
        elif sums.is_contiguous() or not sums.mT.is_contiguous():
            sums = sums.contiguous()
        else:
            sums, launch = sums.mT, kernels.rescale_transposed_cuda
        tensors = sums, offset.contiguous(), scale.contiguous(), shared, zero.contiguous(), reals
        arrays: Any = map(device_array, tensors)
        launch(*arrays, stream=stream)
    return out


@_rescale.register_fake
def _(sums: Tensor, offset: Tensor, scale: Tensor, *_: object) -> Tensor:  # noqa: ARG001
    return torch.empty(sums.shape, dtype=scale.dtype, device=sums.device)
