"""Refuse NaN and infinity, which quantisation would hide."""

import torch
from torch import Tensor


def check_finite(x: Tensor) -> None:
    """Raise ValueError if a layer's input holds NaN or infinity.

    Examples:
        >>> check_finite(torch.tensor([3e38, 3e38]))
    """
    # The sum is finite for nearly every finite input, and costs one pass and no memory.
    total = x.detach().sum(dtype=torch.promote_types(x.dtype, torch.float32))
    if not bool(torch.isfinite(total)) and not bool(torch.isfinite(x).all()):
        raise ValueError(
            "the layer's input must be finite, since quantisation would hide NaN and infinity, "
            f"got {int(x.isnan().sum())} NaN and {int(x.isinf().sum())} infinite of "
            f"{x.numel()} values"
        )
