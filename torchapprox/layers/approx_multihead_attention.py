"""Multi-head attention on approximate multipliers."""

from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.layers.approx_scaled_dot_product_attention import ApproxScaledDotProductAttention
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.composite import QConfigRule, within
from torchapprox.layers.wrapped_linear import linear_parameters, wrapped_linear
from torchapprox.operators.attention_mask import merge_attention_masks


class ApproxMultiheadAttention(nn.Module):
    """`torch.nn.MultiheadAttention` whose six products run on approximate multipliers.

    Queries, keys, values and outputs are projected by four `ApproxLinear` layers with quantisers of
    their own; the packed weight of PyTorch's layer becomes three parameters. The products of the
    attention proper are those of `ApproxScaledDotProductAttention`. Everything else is exact.

    Differences from PyTorch: a query that no key may answer gives zeros whether or not weights are
    asked for (PyTorch gives NaN with ``need_weights=True``); ``is_causal`` is no more than a hint,
    the mask that comes with it counts; nested tensors are refused.

    Args:
        embed_dim: Features of a query and of the output, of all heads.
        num_heads: Number of heads; divides ``embed_dim``.
        dropout: Probability of dropping an attention weight in training mode.
        bias: Whether the projections have a bias.
        add_bias_kv: Whether to append a learned key and value to the sequences.
        add_zero_attn: Whether to append a key and a value of zeros.
        kdim: Features of a key; ``embed_dim`` if None.
        vdim: Features of a value; ``embed_dim`` if None.
        batch_first: Whether batches are `(B, L, E)` rather than `(L, B, E)`.
        device: Device of the parameters.
        dtype: Type of the parameters.
        qconfig: Quantiser configuration of every product; `default_qconfig` if None.

    Attributes:
        q_proj: Projection of the queries; likewise ``k_proj``, ``v_proj`` and ``out_proj``.
        attention: The products of queries and keys, and of attention weights and values.

    Raises:
        ValueError: ``num_heads`` does not divide ``embed_dim``, or one of them is not positive.

    Examples:
        >>> layer = ApproxMultiheadAttention(8, 2, batch_first=True)
        >>> x = torch.randn(3, 5, 8)
        >>> y, weights = layer(x, x, x)
        >>> y.shape, weights.shape
        (torch.Size([3, 5, 8]), torch.Size([3, 5, 5]))
    """

    q_proj: ApproxWrapper
    k_proj: ApproxWrapper
    v_proj: ApproxWrapper
    out_proj: ApproxWrapper
    attention: ApproxScaledDotProductAttention
    embed_dim: int
    num_heads: int
    head_dim: int
    kdim: int
    vdim: int
    dropout: float
    batch_first: bool
    add_zero_attn: bool
    bias_k: Tensor | None
    bias_v: Tensor | None

    # What the fast path of nn.TransformerEncoderLayer asks its self_attn for: with these answers,
    # which are true of this layer, it is not taken.
    _qkv_same_embed_dim = False
    in_proj_weight = None
    in_proj_bias = None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
        qconfig: QConfigRule = None,
    ) -> None:
        if num_heads < 1 or embed_dim < 1 or embed_dim % num_heads:
            raise ValueError(
                "'embed_dim' must be a positive multiple of 'num_heads', "
                f"got {embed_dim} and {num_heads}"
            )
        super().__init__()
        layer = nn.MultiheadAttention(
            embed_dim,
            num_heads,
            dropout=dropout,
            bias=bias,
            add_bias_kv=add_bias_kv,
            add_zero_attn=add_zero_attn,
            kdim=kdim,
            vdim=vdim,
            batch_first=batch_first,
            device=device,
            dtype=dtype,
        )
        self._take(layer, qconfig)

    @classmethod
    def from_float(
        cls, mod: nn.MultiheadAttention, qconfig: QConfigRule = None
    ) -> "ApproxMultiheadAttention":
        """Make an approximate layer with a float layer's parameters.

        They are shared, but for the packed weight and bias of the three input projections, which
        become copies.

        Args:
            mod: The layer.
            qconfig: As `Composite.from_float` takes it; if None, the layer's own.
        """
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        layer._take(mod, qconfig or getattr(mod, "qconfig", None))  # noqa: SLF001  of this class
        return layer

    def _take(self, mod: nn.MultiheadAttention, qconfig: QConfigRule) -> None:
        self.embed_dim, self.num_heads, self.head_dim = mod.embed_dim, mod.num_heads, mod.head_dim
        self.kdim, self.vdim = mod.kdim, mod.vdim
        self.dropout, self.batch_first = mod.dropout, mod.batch_first
        self.add_zero_attn = mod.add_zero_attn
        if mod._qkv_same_embed_dim:  # noqa: SLF001  how the layer itself tells its two forms apart
            weights = _split(mod.in_proj_weight)
        else:
            weights = (mod.q_proj_weight, mod.k_proj_weight, mod.v_proj_weight)
        biases = (None,) * 3 if mod.in_proj_bias is None else _split(mod.in_proj_bias)
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            wrapped_linear(name, weight, bias, qconfig=qconfig, training=mod.training)
            for name, weight, bias in zip(
                ("q_proj", "k_proj", "v_proj", "out_proj"),
                (*weights, mod.out_proj.weight),
                (*biases, mod.out_proj.bias),
                strict=True,
            )
        )
        attention = ApproxScaledDotProductAttention(within(qconfig, "attention"))
        self.attention = attention.to(mod.out_proj.weight.device)
        self.bias_k, self.bias_v = mod.bias_k, mod.bias_v
        self.train(mod.training)

    def to_float(self) -> nn.MultiheadAttention:
        """Return the float layer with the same parameters; packed ones are copies."""
        weights, biases = zip(
            *(linear_parameters(each) for each in (self.q_proj, self.k_proj, self.v_proj)),
            strict=True,
        )
        layer = nn.MultiheadAttention(
            self.embed_dim,
            self.num_heads,
            dropout=self.dropout,
            bias=biases[0] is not None,
            add_zero_attn=self.add_zero_attn,
            kdim=self.kdim,
            vdim=self.vdim,
            batch_first=self.batch_first,
            device="meta",
        )
        if layer._qkv_same_embed_dim:  # noqa: SLF001  as in _take
            layer.in_proj_weight = _joined(weights)
        else:
            layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight = weights
        if biases[0] is not None:
            layer.in_proj_bias = _joined(biases)
        layer.out_proj.weight, bias = linear_parameters(self.out_proj)
        layer.out_proj.bias = bias  # type: ignore[assignment]
        layer.bias_k, layer.bias_v = self.bias_k, self.bias_v
        return layer.train(self.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, as `torch.nn.MultiheadAttention` does.

        Args:
            query: `(L, B, E)`, `(B, L, E)` if ``batch_first``, or `(L, E)`.
            key: `(S, B, kdim)`, likewise.
            value: `(S, B, vdim)`, likewise.
            key_padding_mask: `(B, S)` or `(S,)`: bool, true where a key takes no part, or floating
                point, added to the scores.
            need_weights: Whether to return the attention weights.
            attn_mask: `(L, S)` or `(B * num_heads, L, S)`, like ``key_padding_mask``.
            average_attn_weights: Whether to average the weights over the heads.
            is_causal: Hint that ``attn_mask`` is the causal mask.

        Returns:
            The output, shaped as ``query``, and the attention weights `(B, L, S)` or
            `(B, num_heads, L, S)`, without B for a single sequence, or None.

        Raises:
            NotImplementedError: An operand is a nested tensor.
            TypeError: A mask is neither bool nor floating point.
            ValueError: Shapes do not match, or ``is_causal`` comes without a mask.
        """
        self._check(query, key, value, attn_mask, is_causal)
        batched = query.dim() == 3
        if not batched:
            query, key, value = query[None], key[None], value[None]
            key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
        elif not self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        q, k, v = self.q_proj(query), self.k_proj(key), self.v_proj(value)
        k, v = self._lengthen(k, self.bias_k), self._lengthen(v, self.bias_v)
        mask = merge_attention_masks(
            attn_mask,
            key_padding_mask,
            scores_shape=(len(q), self.num_heads, q.shape[1], key.shape[1]),
            appended=k.shape[1] - key.shape[1],
            dtype=q.dtype,
        )
        heads, weights = self._attend(q, k, v, mask, need_weights)
        y = self.out_proj(heads.transpose(1, 2).flatten(2))
        if not batched:
            y = y[0]
        elif not self.batch_first:
            y = y.transpose(0, 1)
        if weights is None:
            return y, None
        weights = weights.mean(dim=1) if average_attn_weights else weights
        return y, weights if batched else weights[0]

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return the heads' outputs `(B, num_heads, L, head_dim)` and the attention weights."""
        q, k, v = (
            t.reshape(*t.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)
            for t in (q, k, v)
        )
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            return self.attention.with_weights(q, k, v, mask, dropout)
        return self.attention(q, k, v, mask, dropout), None

    def _lengthen(self, sequence: Tensor, learned: Tensor | None) -> Tensor:
        """Append the learned and the zero element to projected keys or values `(B, S, E)`."""
        last = sequence.shape[0], 1, sequence.shape[2]
        if learned is not None:
            sequence = torch.cat([sequence, learned.expand(last).to(sequence.dtype)], dim=1)
        if self.add_zero_attn:
            sequence = torch.cat([sequence, sequence.new_zeros(last)], dim=1)
        return sequence

    def _check(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, is_causal: bool
    ) -> None:
        if query.is_nested or key.is_nested or value.is_nested:
            raise NotImplementedError(
                "'query', 'key' and 'value' must be ordinary tensors, got a nested tensor; pad it "
                "with to_padded_tensor and pass 'key_padding_mask'"
            )
        shapes = [tuple(t.shape) for t in (query, key, value)]
        if not (
            query.dim() in (2, 3)
            and query.dim() == key.dim() == value.dim()
            and [shape[-1] for shape in shapes] == [self.embed_dim, self.kdim, self.vdim]
            and shapes[1][:-1] == shapes[2][:-1]
            and (query.dim() == 2 or shapes[0][self._batch_axis] == shapes[1][self._batch_axis])
        ):
            axes = ("(B, {}, {})" if self.batch_first else "({}, B, {})") + " or ({}, {})"
            wanted = [
                axes.format(length, size, length, size)
                for length, size in (("L", self.embed_dim), ("S", self.kdim), ("S", self.vdim))
            ]
            raise ValueError(
                f"'query', 'key' and 'value' must be {', '.join(wanted)}, got "
                + ", ".join(map(str, shapes))
            )
        if is_causal and attn_mask is None:
            raise ValueError(
                "'is_causal' must come with 'attn_mask'; make one with "
                "torch.nn.Transformer.generate_square_subsequent_mask"
            )

    @property
    def _batch_axis(self) -> int:
        return 0 if self.batch_first else 1

    def extra_repr(self) -> str:
        """Return the layer's arguments."""
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}"


def _split(packed: Tensor) -> tuple[Tensor, ...]:
    """Return three copies of the thirds of a packed parameter."""
    return tuple(
        nn.Parameter(part.detach().clone(), requires_grad=packed.requires_grad)
        for part in packed.chunk(3)
    )


def _joined(parameters: tuple[Any, ...]) -> nn.Parameter:
    requires_grad = any(parameter.requires_grad for parameter in parameters)
    return nn.Parameter(torch.cat(parameters).detach(), requires_grad=requires_grad)
