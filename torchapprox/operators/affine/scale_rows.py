"""Along which axes of an operand its scale varies."""

import math
from collections.abc import Sequence

from torch import Tensor

from torchapprox.operators.affine.codes import at_least_float32


def by_plane(values: Tensor, scale: Tensor, zero_point: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return scale and zero point by plane of values, and how many planes there are.

    Args:
        values: The operand.
        scale: One element, or broadcastable to ``values``: ones from some axis on.
        zero_point: Integers, of the shape of ``scale``.

    Returns:
        Scale, at least float32, and zero point as contiguous vectors, and the number of planes:
        the elements of ``values`` that share a scale are neighbours.

    Examples:
        >>> import torch
        >>> scale = torch.tensor([0.5, 2.0]).view(2, 1)
        >>> by_plane(torch.zeros(2, 3), scale, torch.zeros(2, 1))
        (tensor([0.5000, 2.0000]), tensor([0., 0.]), 2)
        >>> by_plane(torch.zeros(2, 3), torch.ones(1), torch.zeros(1))
        (tensor([1.]), tensor([0.]), 1)
    """
    scale = at_least_float32(scale)
    if scale.numel() == 1:
        return scale.view(-1), zero_point.view(-1), 1
    outer = _rows_of_one_scale(values, scale)
    planes = math.prod(outer)
    vectors = [
        tensor.view(-1)
        if tensor.numel() == planes and tensor.is_contiguous()
        else _leading(tensor, values.dim(), len(outer)).expand(outer).contiguous().view(-1)
        for tensor in (scale, zero_point)
    ]
    return vectors[0], vectors[1], planes


def three(fill: int, sizes: Sequence[int]) -> tuple[int, int, int]:
    """Return at most three sizes after as many of ``fill`` as are missing.

    Examples:
        >>> three(1, [5, 7])
        (1, 5, 7)
    """
    first, second, third = (fill,) * (3 - len(sizes)) + tuple(sizes)
    return first, second, third


def _rows_of_one_scale(values: Tensor, scale: Tensor) -> tuple[int, ...]:
    """Return the leading axes of ``values`` along which the scale varies."""
    shape = (1,) * (values.dim() - scale.dim()) + tuple(scale.shape)
    leading = max((axis + 1 for axis, size in enumerate(shape) if size > 1), default=0)
    return tuple(values.shape[:leading])


def _leading(tensor: Tensor, dims: int, leading: int) -> Tensor:
    shape = (1,) * (dims - tensor.dim()) + tuple(tensor.shape)
    return tensor.reshape(shape[:leading])
