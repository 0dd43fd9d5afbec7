"""Exact products of two activations as modules, so that a conversion finds and replaces them.

A model whose forward pass calls `torch.matmul` or
`torch.nn.functional.scaled_dot_product_attention` itself gives a conversion nothing to replace;
one that calls these modules does.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Matmul(nn.Module):
    """`torch.matmul` as a module.

    Examples:
        >>> Matmul()(torch.ones(2, 3), torch.ones(3, 1)).tolist()
        [[3.0], [3.0]]
    """

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return ``torch.matmul(x, w)``."""
        return torch.matmul(x, w)


class ScaledDotProductAttention(nn.Module):
    """`torch.nn.functional.scaled_dot_product_attention` as a module.

    Examples:
        >>> ScaledDotProductAttention()(*torch.randn(3, 2, 5, 4), is_causal=True).shape
        torch.Size([2, 5, 4])
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Return ``F.scaled_dot_product_attention`` of the same arguments."""
        return F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attn_mask,
            dropout_p=dropout_p,
            is_causal=is_causal,
            scale=scale,
            enable_gqa=enable_gqa,
        )
