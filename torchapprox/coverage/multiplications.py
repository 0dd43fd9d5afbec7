"""How many multiplications a PyTorch operator takes for a product of matrices.

Counted are products with a contraction: matrix products, convolutions, attention, recurrent
layers. Elementwise products, as in normalisations and activations, are not. A convolution counts
padding, a transposed one every input with every tap, attention every query with every key whatever
the mask.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

_NOT_PRODUCTS = re.compile(
    r"^_?upsample_|_backward|prepack|unpack|reorder|flatten_weight|to_int4pack|_convert_indices"
    # Elementwise parts of a recurrent cell, whose matrix products are operators of their own.
    r"|^_thnn_fused|_compute_linear_combination"
)
_LIKELY_PRODUCTS = re.compile(
    r"mm(?![aiy])|matmul|conv(?!ert)|linear|attention|_mv$|^mv$|dot$|rnn|lstm|gru|transformer"
    r"|bilinear|trilinear|_euclidean_dist"
)


def multiplications(
    operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any
) -> int | None:
    """Return how many multiplications one call of an operator took.

    Args:
        operator: The operator's overload, as a dispatch mode gets it.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        output: What it returned.

    Returns:
        0 for an operator that multiplies no matrices; None for one that does, judging by its name,
        but is not known here.

    Examples:
        >>> x, w = torch.zeros(4, 3), torch.zeros(3, 5)
        >>> multiplications(torch.ops.aten.mm.default, (x, w), {}, x @ w)
        60
        >>> multiplications(torch.ops.aten.relu.default, (x,), {}, x.relu())
        0
    """
    name = operator.overloadpacket.__name__
    known = _COUNTS.get(name.removesuffix("_"))
    if known is not None:
        return known(args, output)
    for packet in (operator.overloadpacket, getattr(torch.ops.aten, name.removesuffix("_"), None)):
        if packet in flop_registry and not _NOT_PRODUCTS.search(name):
            # A multiplication and an addition are two of its operations.
            return int(flop_registry[packet](*args, **kwargs, out_val=output)) // 2
    likely = _LIKELY_PRODUCTS.search(name) and not _NOT_PRODUCTS.search(name)
    return None if likely else 0


def is_table_product(operator: Any) -> bool:
    """Whether an operator multiplies by a multiplier's table."""
    return bool(operator.namespace == "torchapprox")


def _by_depth(args: Sequence[Any], output: Tensor) -> int:
    """Every output contracts the last axis of the first operand."""
    return int(output.numel() * args[0].size(-1))


def _by_kernel(args: Sequence[Any], output: Tensor) -> int:
    """Every output contracts one kernel of the second operand."""
    return int(output.numel() * math.prod(args[1].shape[1:]))


def _of_first(count: Callable[[Sequence[Any], Tensor], int]) -> Callable[[Sequence[Any], Any], int]:
    """Count by the first of several outputs, the product."""
    return lambda args, outputs: count(args, outputs[0])


def _by_last_of_second(args: Sequence[Any], output: Tensor) -> int:
    """As `_by_depth`, where the first argument is a summand."""
    return int(output.numel() * args[1].shape[-1])


def _sum_of_batches(args: Sequence[Any], output: Tensor) -> int:
    return int(output.numel() * args[1].shape[0] * args[1].shape[2])


def _lengths(sequences: Tensor) -> list[int]:
    """Lengths of the sequences of a batch `(B, T, E)`, which may be nested."""
    if sequences.is_nested:
        return [len(sequence) for sequence in sequences.unbind()]
    return [sequences.shape[1]] * sequences.shape[0]


def _native_attention(args: Sequence[Any], _output: Any) -> int:
    query, key, embed_dim = args[0], args[1], args[3]
    queries, keys = _lengths(query), _lengths(key)
    projections = embed_dim**2 * (2 * sum(queries) + 2 * sum(keys))
    return int(projections + 2 * embed_dim * sum(map(math.prod, zip(queries, keys, strict=True))))


def _encoder_layer(args: Sequence[Any], _output: Any) -> int:
    source, embed_dim, first, second = args[0], args[1], args[14], args[16]
    attention = _native_attention((source, source, source, embed_dim), None)
    return int(attention + sum(_lengths(source)) * (first.numel() + second.numel()))


def _attention(args: Sequence[Any], _output: Any) -> int:
    query, key, value = args[:3]
    pairs = math.prod(query.shape[:-1]) * key.shape[-2]
    return int(pairs * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: Sequence[Any], _output: Any) -> int:
    """Every step of every sequence is multiplied with every weight matrix."""
    weights = args[1] if isinstance(args[1], (list, tuple)) else args[1:3]
    steps = math.prod(args[0].shape[:-1])
    return int(steps * sum(weight.numel() for weight in weights if weight.dim() > 1))


def _trilinear(args: Sequence[Any], _output: Any) -> int:
    """Two for every product of three factors that is summed."""
    shapes = []
    for factor, axes in zip(args[:3], args[3:6], strict=True):
        sizes = iter(factor.shape)
        dims = factor.dim() + len(axes)
        shapes.append([1 if axis in axes else next(sizes) for axis in range(dims)])
    return 2 * int(math.prod(max(sizes) for sizes in zip(*shapes, strict=True)))


def _distances(args: Sequence[Any], _output: Any) -> int:
    return int(math.prod(args[0].shape) * args[1].shape[-2])


_COUNTS: dict[str, Callable[[Sequence[Any], Any], int]] = {
    "lut_matmul": _by_depth,
    "lut_conv_reals": _by_kernel,
    "lut_matmul_reals": _by_depth,
    "real_conv": _of_first(_by_kernel),
    "real_linear": _of_first(_by_depth),
    "real_matmul": _of_first(_by_depth),
    "saturating_matmul": _by_depth,
    "_int_mm": _by_depth,
    "_weight_int8pack_mm": _by_depth,
    "linear": _by_depth,
    "mkldnn_linear": _by_depth,
    "_mkl_linear": _by_depth,
    "_linear_pointwise": _by_depth,
    "mv": _by_depth,
    "dot": _by_depth,
    "vdot": _by_depth,
    "addmv": _by_last_of_second,
    "_addmm_activation": _by_last_of_second,
    "addbmm": _sum_of_batches,
    "_native_multi_head_attention": _native_attention,
    "_triton_multi_head_attention": _native_attention,
    "_transformer_encoder_layer_fwd": _encoder_layer,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "mkldnn_rnn_layer": _recurrent,
    "_cudnn_rnn": _recurrent,
    "miopen_rnn": _recurrent,
    "_trilinear": _trilinear,
    "_euclidean_dist": _distances,
}
