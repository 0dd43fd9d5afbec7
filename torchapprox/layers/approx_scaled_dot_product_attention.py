"""Scaled dot-product attention on approximate multipliers."""

from torch import Tensor, nn
from torch.nn import functional as F

from torchapprox.layers.approx_matmul import ApproxMatmul
from torchapprox.layers.composite import QConfigRule, qconfig_for
from torchapprox.layers.evaluated_state import is_output_free
from torchapprox.layers.float_products import Matmul, ScaledDotProductAttention
from torchapprox.operators.attention import approx_scaled_dot_product_attention, attention_weights


class ApproxScaledDotProductAttention(nn.Module):
    """`torch.nn.functional.scaled_dot_product_attention` whose two products are approximate.

    The scale, the mask, the softmax and the dropout are exact; see
    `torchapprox.operators.approx_scaled_dot_product_attention`.

    Args:
        qconfig: Quantiser configuration of both products; `default_qconfig` if None.

    Attributes:
        qk: The product of queries and keys: Q enters the activation port, K^T the weight port.
        av: The product of attention weights and values: A enters the activation port, V the
            weight port.

    Examples:
        >>> import torch
        >>> attention = ApproxScaledDotProductAttention()
        >>> attention(*torch.randn(3, 2, 8, 5, 4), is_causal=True).shape
        torch.Size([2, 8, 5, 4])
        >>> attention.qk.opcount, attention.av.fan_in
        (800, 5)
    """

    qk: ApproxMatmul
    av: ApproxMatmul

    def __init__(self, qconfig: QConfigRule = None) -> None:
        super().__init__()
        self.qk = ApproxMatmul(qconfig_for(qconfig, "qk", Matmul()))
        self.av = ApproxMatmul(qconfig_for(qconfig, "av", Matmul()))

    @classmethod
    def from_float(
        cls, mod: ScaledDotProductAttention, qconfig: QConfigRule = None
    ) -> "ApproxScaledDotProductAttention":
        """Make an approximate module; see `Composite`."""
        return cls(qconfig or getattr(mod, "qconfig", None)).train(mod.training)

    def to_float(self) -> ScaledDotProductAttention:
        """Return exact attention as a module."""
        return ScaledDotProductAttention().train(self.training)

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
        """Return the attention's output.

        Arguments, result and errors are those of
        `torchapprox.operators.approx_scaled_dot_product_attention`.
        """
        return approx_scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask,
            dropout_p,
            is_causal,
            scale,
            enable_gqa,
            qk_product=self.qk,
            av_product=self.av,
            scales_in_place=is_output_free(self.qk),
        )

    def with_weights(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Return the output and the attention weights `(..., L, S)`, after the dropout."""
        weights = attention_weights(
            query, key, attn_mask, product=self.qk, scales_in_place=is_output_free(self.qk)
        )
        if dropout_p > 0:
            weights = F.dropout(weights, dropout_p)
        return self.av(weights, value), weights
