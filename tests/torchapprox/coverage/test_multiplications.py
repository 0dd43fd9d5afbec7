"""Counts of operators, by hand."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import flop_registry

from torchapprox import coverage
from torchapprox.coverage.multiplications import _COUNTS, _LIKELY_PRODUCTS, _NOT_PRODUCTS

B, M, N, K = 2, 3, 5, 7
A, C = torch.randn(B, M, K), torch.randn(B, K, N)
VECTOR = torch.randn(K)


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        self.function(x)


def attend(x, heads=1, **options):
    q = x.unflatten(-1, (heads, -1)).transpose(1, 2)
    return F.scaled_dot_product_attention(q, q, q, **options)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x[0] @ C[0], M * N * K),
        (lambda x: x @ C, B * M * N * K),
        (lambda x: torch.baddbmm(torch.zeros(B, M, N), x, C), B * M * N * K),
        (lambda x: torch.zeros(M, N).addmm_(x[0], C[0]), M * N * K),
        (lambda x: torch.addbmm(torch.zeros(M, N), x, C), B * M * N * K),
        (lambda x: x @ VECTOR, B * M * K),
        (lambda x: x[0] @ VECTOR, M * K),
        (lambda x: torch.addmv(torch.zeros(M), x[0], VECTOR), M * K),
        (lambda x: x[0, 0] @ VECTOR, K),
        (lambda x: torch.vdot(x[0, 0], VECTOR), K),
        (lambda x: torch.einsum("bmk,bkn->bmn", x, C), B * M * N * K),
        (lambda x: torch.tensordot(x, C, dims=([2], [1])), B * M * B * N * K),
        (lambda x: torch.einsum("bmk,bmk->", x, x), B * M * K),
        (lambda x: F.linear(x, torch.randn(4, K)), B * M * 4 * K),
        (lambda _: torch._int_mm(*[torch.ones(32, 32, dtype=torch.int8)] * 2), 32**3),
        (lambda x: F.conv1d(x, torch.randn(4, M, 3), padding=1), B * 4 * K * M * 3),
        (lambda x: F.conv1d(x, torch.randn(M, 1, 3), groups=M), B * M * (K - 2) * 3),
        (lambda x: F.conv1d(x, torch.randn(4, M, 2), stride=2), B * 4 * 3 * M * 2),
        (lambda x: F.conv_transpose1d(x, torch.randn(M, 4, 3), stride=2), B * K * M * 4 * 3),
        (lambda x: F.conv_transpose1d(x, torch.randn(M, 2, 3), groups=M), B * K * M * 2 * 3),
        (lambda x: F.conv2d(x[:, :, None], torch.randn(4, M, 1, 2)), B * 4 * 6 * M * 2),
        (attend, B * M * M * 2 * K),
        (partial(attend, heads=7), B * M * M * 2 * K),
        (partial(attend, is_causal=True), B * M * M * 2 * K),
        (lambda x: F.bilinear(x, x, torch.randn(4, K, K)), 2 * B * M * 4 * K * K),
        (lambda _: torch.cdist(torch.randn(40, K), torch.randn(30, K)), 40 * 30 * K),
        # Elementwise products and look-ups do not count.
        (lambda x: x * x, 0),
        (lambda _: torch.outer(VECTOR, VECTOR), 0),
        (lambda x: F.layer_norm(F.gelu(x), (K,)).softmax(-1), 0),
        (lambda x: F.batch_norm(x, torch.zeros(M), torch.ones(M)), 0),
        (lambda x: F.embedding(torch.tensor([1, 2]), x[0]), 0),
        (lambda x: F.interpolate(x[None], scale_factor=2, mode="bilinear"), 0),
        (lambda x: torch.lgamma(x).cummax(0), 0),
    ],
)
def test_functions(function, expected):
    result = coverage(Call(function), A)
    assert result.total == expected
    assert result.unknown == ()
    assert result.approximate == 0


E, H, T, FF = 8, 6, 5, 16
SEQUENCES = torch.randn(B, T, E)


def attention_macs(lengths):
    """Three projections and the output's, then every query with every key, and their values."""
    return sum(4 * E * E * length + 2 * E * length**2 for length in lengths)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.LSTM(E, H, batch_first=True), B * T * 4 * H * (E + H)),
        (nn.LSTM(E, H, 2, bidirectional=True), B * T * 2 * 4 * H * (E + H + 2 * H + H)),
        (nn.GRU(E, H, batch_first=True), B * T * 3 * H * (E + H)),
        (nn.RNN(E, H), B * T * H * (E + H)),
        (nn.TransformerEncoderLayer(E, 2, FF, batch_first=True),
         attention_macs([T] * B) + B * T * 2 * E * FF),
        (nn.TransformerEncoderLayer(E, 2, FF, batch_first=True, norm_first=True),
         attention_macs([T] * B) + B * T * 2 * E * FF),
        (nn.TransformerEncoderLayer(E, 2, FF), attention_macs([B] * T) + B * T * 2 * E * FF),
    ],
    ids=str,
)  # fmt: skip
def test_layers(layer, expected):
    assert coverage(nn.Sequential(layer), SEQUENCES).total == expected


def test_packed_sequences():
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(E, H, batch_first=True)

        def forward(self, x):
            packed = nn.utils.rnn.pack_padded_sequence(x, [T, 2], batch_first=True)
            self.layer(packed)

    assert coverage(Packed(), SEQUENCES).total == (T + 2) * 4 * H * (E + H)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors_of_the_encoders_fast_path():
    layer = nn.TransformerEncoderLayer(E, 2, FF, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    mask = torch.zeros(B, T, dtype=torch.bool)
    mask[1, 2:] = True
    result = coverage(model, {"src": SEQUENCES, "src_key_padding_mask": mask})
    assert result.total == 2 * (attention_macs([T, 2]) + (T + 2) * 2 * E * FF)
    assert {row.operation for row in result.rows} == {"_transformer_encoder_layer_fwd"}


def test_self_attention_layers_on_and_off_the_fast_path():
    class Attention(nn.Module):
        def __init__(self, **options):
            super().__init__()
            self.layer = nn.MultiheadAttention(E, 2, batch_first=True)
            self.options = options

        def forward(self, x):
            self.layer(x, x, x, **self.options)

    for options in ({}, {"need_weights": False}, {"attn_mask": torch.zeros(T, T)}):
        assert coverage(Attention(**options), SEQUENCES).total == attention_macs([T] * B)
    fast = coverage(Attention(), SEQUENCES)
    assert [row.operation for row in fast.rows] == ["_native_multi_head_attention"]
    assert [row.name for row in fast.rows] == ["layer"]


def test_an_operator_that_is_not_known_is_named():
    with torch.library._scoped_library("coverage_test", "DEF") as library:
        library.define("fused_matmul(Tensor x) -> Tensor")
        library.impl("fused_matmul", lambda x: x + 1, "CPU")
        result = coverage(Call(torch.ops.coverage_test.fused_matmul), A)
    assert result.total == 0
    assert result.unknown == ("fused_matmul",)
    assert str(result).splitlines()[1:] == [
        "(model)  Call  fused_matmul  ?     none: not converted",
        "not counted: fused_matmul",
        "0.00% of 0 multiplications went through a multiplier",
    ]


def test_every_product_of_pytorch_is_counted_or_named():
    """No operator whose name says that it multiplies matrices counts as 0 without a reason."""
    # The logarithm of the multivariate gamma function.
    harmless = {"aten::mvlgamma", "aten::mvlgamma_"}
    words = ("matmul", "convolution", "_mm", "attention", "_rnn", "linear", "conv_", "bmm", "mv")
    for name in sorted({n.split(".")[0] for n in torch._C._dispatch_get_all_op_names()}):
        namespace, base = name.split("::")
        if namespace != "aten" or not any(word in f"_{base}" for word in words):
            continue
        packet = getattr(torch.ops.aten, base)
        counted = base.removesuffix("_") in _COUNTS or packet in flop_registry
        reported = _LIKELY_PRODUCTS.search(base) and not _NOT_PRODUCTS.search(base)
        passed_over = _NOT_PRODUCTS.search(base)
        assert counted or reported or passed_over or name in harmless or _is_composite(name), name


def _is_composite(name):
    """Such operators never reach a dispatch mode themselves, only what they are made of."""
    key = "CompositeImplicitAutograd"
    overloads = [n for n in torch._C._dispatch_get_all_op_names() if n.split(".")[0] == name]
    return all(torch._C._dispatch_has_kernel_for_dispatch_key(n, key) for n in overloads)


def test_the_table_of_counts_names_operators_of_pytorch():
    ours = {"lut_matmul", "saturating_matmul", "_mkl_linear", "_linear_pointwise"}
    ours |= {"lut_matmul_reals", "lut_conv_reals", "real_linear", "real_conv", "real_matmul"}
    assert all(hasattr(torch.ops.aten, name) for name in _COUNTS if name not in ours)
    assert math.prod((B, M, N, K)) == coverage(Call(lambda x: x @ C), A).total
