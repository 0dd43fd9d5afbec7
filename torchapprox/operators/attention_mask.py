"""The two masks of multi-head attention as one, added to the scores."""

import torch
from torch import Tensor
from torch.nn import functional as F


def merge_attention_masks(
    attn_mask: Tensor | None,
    key_padding_mask: Tensor | None,
    *,
    scores_shape: tuple[int, int, int, int],
    appended: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Tensor | None:
    """Return what the masks of `torch.nn.MultiheadAttention` add to the scores.

    Args:
        attn_mask: `(L, S)` or `(B * H, L, S)`: bool, true where a key takes no part, or floating
            point, added to the scores; or None.
        key_padding_mask: `(B, S)`, likewise.
        scores_shape: The numbers B, H, L and S, without the appended keys.
        appended: Number of keys after the S ones of the sequence, which take part always.
        dtype: Floating-point type of the result.

    Returns:
        Floating point, broadcastable to `(B, H, L, S + appended)`, or None without a mask.

    Raises:
        TypeError: A mask is neither bool nor floating point.
        ValueError: A mask has another shape.

    Examples:
        >>> padding = torch.tensor([[False, True]])
        >>> merge_attention_masks(None, padding, scores_shape=(1, 2, 3, 2), appended=1)
        tensor([[[[0., -inf, 0.]]]])
    """
    batch, heads, length, keys = scores_shape
    merged = None
    if attn_mask is not None:
        merged = _additive("attn_mask", attn_mask, dtype)
        if attn_mask.shape == (length, keys):
            merged = merged[None, None]
        elif attn_mask.shape == (batch * heads, length, keys):
            merged = merged.view(scores_shape)
        else:
            raise ValueError(
                f"'attn_mask' must be {(length, keys)} or {(batch * heads, length, keys)}, "
                f"got {tuple(attn_mask.shape)}"
            )
    if key_padding_mask is not None:
        added = _additive("key_padding_mask", key_padding_mask, dtype)
        if key_padding_mask.shape != (batch, keys):
            raise ValueError(
                f"'key_padding_mask' must be {(batch, keys)}, got {tuple(key_padding_mask.shape)}"
            )
        merged = added[:, None, None] if merged is None else merged + added[:, None, None]
    return None if merged is None else F.pad(merged, (0, appended))


def _additive(name: str, mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, float("-inf"))
    if mask.is_floating_point():
        return mask.to(dtype)
    raise TypeError(f"'{name}' must be bool or floating point, got {mask.dtype}")
