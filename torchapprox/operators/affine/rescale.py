"""From sums of products to real numbers, in one pass on the CPU."""

import torch
from torch import Tensor

from torchapprox.kernels import rescale_columns_cpu, rescale_rows_cpu, rescale_transposed_cpu
from torchapprox.operators.affine.zero_points import dequantise
from torchapprox.operators.library_op import library_op


def rescale(
    sums: Tensor, offset: Tensor, scale: Tensor, *, channel_axis: int, dtype: torch.dtype
) -> Tensor:
    """Return ``scale * (sums - offset)``, of the bits that `dequantise` gives.

    Args:
        sums: int32 or int64 `(G, N, L)` with channels on axis 1, or `(G, M, N)` with channels on
            axis 2.
        offset: int64, by channel: `(N,)` for axis 1, `(G, N)` for axis 2.
        scale: Floating point, of the shape of ``offset``.
        channel_axis: 1 or 2.
        dtype: Floating-point type of the result.

    Returns:
        ``dtype``, the shape of ``sums``, contiguous.

    Examples:
        >>> sums = torch.tensor([[[5, 7], [1, 3]]], dtype=torch.int32)
        >>> offset, scale = torch.tensor([1, 3]), torch.tensor([1.0, 0.5])
        >>> rescale(sums, offset, scale, channel_axis=1, dtype=torch.float32)
        tensor([[[ 4.,  6.],
                 [-1.,  0.]]])
    """
    wide = torch.promote_types(dtype, torch.float32)
    reals: Tensor = torch.ops.torchapprox.rescale(sums, offset, scale.to(wide), channel_axis)
    return reals.to(dtype)


@library_op("rescale")
def _rescale(sums: Tensor, offset: Tensor, scale: Tensor, channel_axis: int) -> Tensor:
    by_channel = (1, -1, 1) if channel_axis == 1 else (len(offset), 1, -1)
    return dequantise(
        sums.to(torch.int64) - offset.view(by_channel), scale.view(by_channel), scale.dtype
    ).contiguous()


@_rescale.register_kernel("cpu")
def _(sums: Tensor, offset: Tensor, scale: Tensor, channel_axis: int) -> Tensor:
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


@_rescale.register_fake
def _(sums: Tensor, offset: Tensor, scale: Tensor, channel_axis: int) -> Tensor:  # noqa: ARG001
    return torch.empty(sums.shape, dtype=scale.dtype, device=sums.device)
