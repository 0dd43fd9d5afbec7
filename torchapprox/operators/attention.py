"""Scaled dot-product attention around two products of the caller's choice."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from torchapprox.running_layer import in_layer

Product = Callable[[Tensor, Tensor], Tensor]


def approx_scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    qk_product: Product,
    av_product: Product,
    scales_in_place: bool = False,
) -> Tensor:
    """Return `torch.nn.functional.scaled_dot_product_attention` with its products replaced.

        softmax(scale * qk_product(Q, K^T) + mask) = A,    result = av_product(A, V)

    A product is a function like `torch.matmul`: an `ApproxMatmul` layer, or `approx_matmul` with
    its parameters filled in. Q and A are the first operands, which enter the multiplier's
    activation port, K^T and V the second ones, which enter the weight port. The scale is applied
    to the scores, and the softmax is exact.

    Args:
        query: `(..., L, E)`.
        key: `(..., S, E)`.
        value: `(..., S, Ev)`.
        attn_mask: Broadcastable to `(..., L, S)`: bool, true where a key takes part, or floating
            point, added to the scores. A query without any key gives zeros, as in PyTorch.
        dropout_p: Probability of dropping an attention weight, also in evaluation mode.
        is_causal: Whether query number i sees the keys up to number i only.
        scale: Factor of the scores; 1 / sqrt(E) if None.
        enable_gqa: Whether axis -3 of query may be a multiple of that of key and value, the heads
            of grouped-query attention.
        qk_product: Product of `(..., L, E)` and `(..., E, S)`.
        av_product: Product of `(..., L, S)` and `(..., S, Ev)`.
        scales_in_place: Whether the scores may be scaled in the memory that ``qk_product``
            returned, since nothing is differentiated and nobody else holds it.

    Returns:
        `(..., L, Ev)`.

    Raises:
        TypeError: ``attn_mask`` is neither bool nor floating point.
        ValueError: Shapes do not match, or both ``attn_mask`` and ``is_causal`` are given.

    Examples:
        >>> q, k, v = torch.randn(3, 2, 5, 4)
        >>> y = approx_scaled_dot_product_attention(
        ...     q, k, v, is_causal=True, qk_product=torch.matmul, av_product=torch.matmul
        ... )
        >>> torch.allclose(y, F.scaled_dot_product_attention(q, k, v, is_causal=True), atol=1e-6)
        True
    """
    weights = attention_weights(
        query, key, attn_mask, is_causal, scale, enable_gqa,
        product=qk_product, scales_in_place=scales_in_place,
    )  # fmt: skip
    if dropout_p > 0:
        weights = F.dropout(weights, dropout_p)
    return _grouped(av_product, weights, value, enable_gqa)


def attention_weights(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    product: Product,
    scales_in_place: bool = False,
) -> Tensor:
    """Return the attention weights A, `(..., L, S)`.

    Arguments and errors as those of `approx_scaled_dot_product_attention`.
    """
    if query.dim() < 2 or key.dim() < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "'query' and 'key' must be (..., L, E) and (..., S, E), "
            f"got {tuple(query.shape)} and {tuple(key.shape)}{in_layer()}"
        )
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = _grouped(product, query, key.transpose(-2, -1), enable_gqa)
    own = scales_in_place and not isinstance(factor, Tensor)
    scores = scores.mul_(factor) if own else scores * factor
    if is_causal:
        if attn_mask is not None:
            raise ValueError("'attn_mask' must be None where 'is_causal' is true, got both")
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is None:
        return scores.softmax(dim=-1)
    if attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -math.inf)
    elif attn_mask.is_floating_point():
        scores = scores + attn_mask.to(scores.dtype)
    else:
        raise TypeError(f"'attn_mask' must be bool or floating point, got {attn_mask.dtype}")
    # Filled before the softmax as well, so that no NaN enters the gradients.
    masked_out = scores.isneginf().all(dim=-1, keepdim=True)
    return scores.masked_fill(masked_out, 0.0).softmax(dim=-1).masked_fill(masked_out, 0.0)


def _grouped(product: Product, x: Tensor, w: Tensor, enable_gqa: bool) -> Tensor:
    """Multiply, with several heads of x to one head of w where grouped queries are enabled."""
    if not enable_gqa or x.dim() < 3 or w.dim() < 3 or x.shape[-3] == w.shape[-3]:
        return product(x, w)
    heads, shared = x.shape[-3], w.shape[-3]
    if shared == 0 or heads % shared:
        raise ValueError(
            f"the heads of 'query' must be a multiple of those of 'key' and 'value', "
            f"got {heads} and {shared}"
        )
    y = product(x.reshape(*x.shape[:-3], shared, heads // shared, *x.shape[-2:]), w.unsqueeze(-3))
    return y.flatten(-4, -3)
