"""Along which axes of an operand its scale varies."""

from torch import Tensor


def rows_of_one_scale(values: Tensor, scale: Tensor) -> tuple[int, ...]:
    """Return the leading axes of ``values`` along which the scale varies.

    Args:
        values: The operand.
        scale: One element, or broadcastable to ``values``: ones from some axis on.

    Examples:
        >>> import torch
        >>> rows_of_one_scale(torch.zeros(4, 2, 3), torch.ones(4, 1, 1))
        (4,)
        >>> rows_of_one_scale(torch.zeros(4, 2, 3), torch.ones(1))
        ()
    """
    shape = (1,) * (values.dim() - scale.dim()) + tuple(scale.shape)
    leading = max((axis + 1 for axis, size in enumerate(shape) if size > 1), default=0)
    return tuple(values.shape[:leading])
