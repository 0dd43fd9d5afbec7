"""Refuse NaN and infinity, which quantisation would hide."""

import torch
from torch import Tensor

from torchapprox.running_layer import in_layer


def check_finite(x: Tensor, what: str = "the layer's input") -> None:
    """Raise ValueError if an operand holds NaN or infinity.

    Args:
        x: The operand, floating point.
        what: What the error calls it.

    Examples:
        >>> check_finite(torch.tensor([3e38, 3e38]))
    """
    # The sum is finite for nearly every finite input, and costs one pass and no memory.
    total = x.detach().sum(dtype=torch.promote_types(x.dtype, torch.float32))
    if not bool(torch.isfinite(total)) and not bool(torch.isfinite(x).all()):
        raise not_finite(x, what)


def not_finite(values: Tensor, what: str) -> ValueError:
    """Return the error that says how many of some values are NaN or infinite.

    Examples:
        >>> str(not_finite(torch.tensor([1.0, torch.nan]), "the weight")).split(", got ")[1]
        '1 NaN and 0 infinite of 2 values'
    """
    return ValueError(
        f"{what} must be finite, since quantisation would hide NaN and infinity, got "
        f"{int(values.isnan().sum())} NaN and {int(values.isinf().sum())} infinite of "
        f"{values.numel()} values{in_layer()}"
    )
