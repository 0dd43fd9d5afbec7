"""Attention on approximate multipliers, beyond its integers: all that PyTorch's layer does."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from multipliers import Multiplier, exact_products
from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from torchapprox import (
    Accumulator,
    InferenceMode,
    approximate,
    coverage,
    get_approx_modules,
    qconfig,
    revert,
)
from torchapprox.layers import (
    ApproxMultiheadAttention,
    ApproxScaledDotProductAttention,
    ScaledDotProductAttention,
)
from torchapprox.quantisation.torch_ao import disable_fake_quant, disable_observer

PRODUCTS = ["q_proj", "k_proj", "v_proj", "out_proj", "attention.qk", "attention.av"]
CAUSAL = nn.Transformer.generate_square_subsequent_mask(5)
PADDING = torch.tensor([[False, False, False, True, True], [False] * 5])


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unquantised(module):
    """The exact module itself: QUANTIZED mode without quantisers."""
    return module.apply(disable_observer).apply(disable_fake_quant)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"attn_mask": CAUSAL, "is_causal": True},
        {"attn_mask": CAUSAL < 0, "key_padding_mask": PADDING},
        {"attn_mask": random(2 * 4, 5, 5), "key_padding_mask": PADDING.float() * -3},
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"batch_first": True},
        {"bias": False},
        {"kdim": 3, "vdim": 6, "batch_first": True},
        {"add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
    ],
)
def test_without_quantisers_it_is_pytorchs_layer(options, masks, need_weights):
    layer = nn.MultiheadAttention(8, 4, **options)
    if layer.bias_k is not None:
        # Given the hint, PyTorch forgets the mask, and hides the learned key with the later ones.
        masks = {name: mask for name, mask in masks.items() if name != "is_causal"}
    shapes = [(2, 5, 8), (2, 5, layer.kdim), (2, 5, layer.vdim)]
    operands = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    if not layer.batch_first:
        operands = [operand.transpose(0, 1) for operand in operands]
    module = unquantised(ApproxMultiheadAttention.from_float(layer))
    got = module(*operands, need_weights=need_weights, **masks)
    wanted = layer(*operands, need_weights=need_weights, **masks)
    torch.testing.assert_close(got[0], wanted[0])
    assert (got[1] is None) == (wanted[1] is None)
    if need_weights:
        torch.testing.assert_close(got[1], wanted[1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"attn_mask": torch.eye(5, 7, dtype=torch.bool)},
        {"attn_mask": random(4, 5, 7), "scale": 0.3},
    ],
)
def test_without_quantisers_it_is_pytorchs_function(options):
    module = unquantised(ApproxScaledDotProductAttention())
    q, k, v = random(2, 4, 5, 8), random(2, 4, 7, 8, seed=1), random(2, 4, 7, 3, seed=2)
    wanted = F.scaled_dot_product_attention(q, k, v, **options)
    torch.testing.assert_close(module(q, k, v, **options), wanted)
    k, v = k[:, :2], v[:, :2]
    wanted = F.scaled_dot_product_attention(q, k, v, enable_gqa=True, **options)
    torch.testing.assert_close(module(q, k, v, enable_gqa=True, **options), wanted)


def test_dropout_drops_attention_weights_in_evaluation_too():
    module = unquantised(ApproxScaledDotProductAttention()).eval()
    q, k, value = random(1, 40, 8), random(1, 30, 8, seed=1), torch.eye(30)[None]
    kept = module(q, k, value)
    dropped = module(q, k, value, dropout_p=0.25)
    assert 0.1 < (dropped == 0).float().mean() < 0.4
    torch.testing.assert_close(dropped, torch.where(dropped == 0, 0, kept / 0.75))


def test_a_query_without_keys_gives_zeros_and_finite_gradients():
    module = unquantised(ApproxScaledDotProductAttention())
    q = random(3, 4).requires_grad_()
    mask = torch.tensor([[True, True], [False, False], [True, False]])
    y = module(q, random(2, 4, seed=1), random(2, 4, seed=2), mask)
    y.sum().backward()
    assert y[1].tolist() == [0.0] * 4
    assert torch.isfinite(q.grad).all()


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.products = ScaledDotProductAttention()

    def forward(self, x):
        return self.products(x, self.attention(x, x, x, need_weights=False)[0], x)


def converted_block(multiplier, **options):
    torch.manual_seed(0)
    block = Block().eval()
    options.setdefault("qconfig", minmax_qconfig())
    summary = approximate(block, multiplier, calibration=[random(4, 6, 8)], **options)
    return block, summary


def test_every_product_has_its_own_quantisers_multiplier_mode_and_accumulator():
    a, b = random_multiplier(1), random_multiplier(2)
    block, summary = converted_block(
        {"attention.attention.qk": a, "attention.*_proj": b, "products.av": b},
        qconfig={"attention.attention.qk": qconfig(x_bits=4, w_bits=5, observer="minmax")},
        mode={"attention.out_proj": InferenceMode.NOISE},
        accumulator={"*.av": Accumulator(20)},
    )
    layers = {name.replace(".wrapped", ""): each for name, each in get_approx_modules(block)}
    names = [f"attention.{name}" for name in PRODUCTS]
    assert set(layers) == {*names, "products.qk", "products.av"}
    multipliers = {name: layer.multiplier for name, layer in layers.items()}
    assert multipliers.pop("attention.attention.qk") == a
    assert [name for name, each in multipliers.items() if each is None] == [
        "attention.attention.av", "products.qk",
    ]  # fmt: skip
    assert layers["attention.out_proj"].inference_mode is InferenceMode.NOISE
    assert [name for name, each in layers.items() if each.accumulator] == [
        "attention.attention.av", "products.av",
    ]  # fmt: skip
    rows = {row.name.replace(".wrapped", ""): row for row in summary.layers}
    assert rows["attention.attention.qk"].activation_range == (0, 15)
    assert rows["attention.attention.qk"].weight_range == (-16, 15)
    quantisers = [q for layer in layers.values() for q in layer.operand_quantisers.values()]
    assert len({id(quantiser) for quantiser in quantisers}) == len(quantisers) == 12


def test_every_multiplication_is_seen_and_reverting_gives_pytorchs_layers_back():
    block, _ = converted_block(random_multiplier())
    x = random(2, 6, 8, seed=3)
    result = coverage(block, x)
    assert result.share == 1
    assert result.total == 2 * (4 * 6 * 64 + 4 * 36 * 8)
    torch.manual_seed(0)
    float_block = Block().eval()
    assert not torch.allclose(block(x), float_block(x), atol=1e-3)
    revert(block)
    assert repr(block) == repr(float_block)
    torch.testing.assert_close(block(x), float_block(x), rtol=0, atol=0)
    state = block.state_dict()
    assert list(state) == list(float_block.state_dict())
    assert all(torch.equal(state[key], value) for key, value in float_block.state_dict().items())


def test_the_exact_table_gives_the_quantised_module():
    block, _ = converted_block(Multiplier.from_lut(exact_products(True, True)))
    x = random(2, 6, 8, seed=3)
    y = block(x)
    for _, layer in get_approx_modules(block):
        layer.inference_mode = InferenceMode.QUANTIZED
    # A sum that rounds to the other side of a tie becomes one step of the next product.
    torch.testing.assert_close(y, block(x), rtol=0, atol=0.02)


def test_scores_are_scaled_in_place_unless_somebody_else_holds_them():
    attention = ApproxScaledDotProductAttention()
    operands = [random(2, 6, 4, seed=seed) for seed in range(3)]
    attention(*operands)
    attention.apply(disable_observer)
    for layer in (attention.qk, attention.av):
        layer.lut, layer.inference_mode = random_multiplier().lut, InferenceMode.APPROXIMATE
    wanted, seen = attention(*operands).detach(), []
    with torch.no_grad():
        scores = attention.qk(operands[0], operands[1].mT).clone()
        results = [attention(*operands) for _ in range(2)]
        hook = attention.qk.register_forward_hook(lambda _layer, _operands, y: seen.append(y))
        results += [attention(*operands) for _ in range(2)]
        hook.remove()
        remove = attention.qk.add_operand_observer(lambda _operands, y: seen.append(y))
        results += [attention(*operands) for _ in range(2)]
        remove()
    assert len(seen) == 4
    assert all(torch.equal(y, scores) for y in seen)
    assert all(torch.equal(y, wanted) for y in results)


@pytest.mark.parametrize("accumulator", [None, Accumulator(18, "saturate")])
def test_batches_permute_and_parts_give_the_whole(accumulator):
    block, _ = converted_block(random_multiplier(), accumulator=accumulator)
    x, order = random(5, 6, 8, seed=3), torch.tensor([3, 0, 4, 1, 2])
    y = block(x)
    assert torch.equal(block(x[order]), y[order])
    assert torch.equal(torch.cat([block(part) for part in x.split([1, 3, 1])]), y)


def test_trained_weights_survive_reverting():
    block, _ = converted_block(random_multiplier(limit=2**6))
    weight = block.attention.k_proj.layer.weight
    with torch.no_grad():
        weight.add_(1.0)
    packed = revert(block).attention.in_proj_weight
    assert torch.equal(packed[8:16], weight)


def test_copies_and_checkpoints():
    block, _ = converted_block(random_multiplier())
    x, buffer = random(2, 6, 8, seed=3), io.BytesIO()
    y = block(x)
    assert torch.equal(copy.deepcopy(block)(x), y)
    torch.save(block.state_dict(), buffer)
    buffer.seek(0)
    torch.manual_seed(5)
    fresh = Block().eval()
    approximate(fresh, qconfig=minmax_qconfig(), calibration=[random(1, 6, 8)])
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(fresh(x), y)


def test_gradients_reach_every_parameter_and_are_those_of_the_exact_products():
    block, _ = converted_block(random_multiplier(limit=2**6))
    x = random(2, 6, 8, seed=3)
    for _, layer in get_approx_modules(block):
        layer.multiplier = None  # so that both modes see the same numbers
    found = []
    for mode in (InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE):
        for _, layer in get_approx_modules(block):
            layer.inference_mode = mode
        block.zero_grad()
        block(x).square().sum().backward()
        found.append([parameter.grad.clone() for parameter in block.parameters()])
    # Not those of the keys' bias, to which a softmax is blind.
    assert sum(bool(gradient.any()) for gradient in found[0]) >= 7
    for got, wanted in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-5)


def test_dropout_drops_attention_weights_in_training_only():
    module = unquantised(ApproxMultiheadAttention(8, 2, dropout=0.5, batch_first=True))
    x = random(2, 6, 8)
    assert torch.equal(module.eval()(x, x, x)[1], module(x, x, x)[1])
    weights = module.train()(x, x, x, average_attn_weights=False)[1]
    assert 0.2 < (weights == 0).float().mean() < 0.8


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoders_never_take_the_fast_path(norm_first, activation):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, activation=activation, batch_first=True, norm_first=norm_first
    )
    encoder = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=not norm_first))
    encoder.eval()
    x = random(2, 5, 8)
    with torch.no_grad():
        fast = encoder(x)
    approximate(encoder, random_multiplier(), calibration=[x], qconfig=minmax_qconfig())
    with torch.no_grad():
        y = encoder(x)
        padded = encoder[0](x, src_key_padding_mask=PADDING)
    assert not torch.allclose(y, fast, atol=1e-3)
    assert torch.equal(y, encoder(x))  # with gradients PyTorch has no fast path at all
    assert torch.isfinite(padded).all()
    assert coverage(encoder, x).share == 1
    revert(encoder)
    with torch.no_grad():
        torch.testing.assert_close(encoder(x), fast)
        rows = {row.operation for row in coverage(encoder, x).rows}
    assert "_transformer_encoder_layer_fwd" in rows


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x: m(x, x[:1], x), ValueError, r"must be \(B, L, 8\) or \(L, 8\), .* got"),
        (lambda m, x: m(x, x, x, is_causal=True), ValueError, "must come with 'attn_mask'; make"),
        (
            lambda m, x: m(x, x, x, attn_mask=torch.ones(5, 5, dtype=torch.int64)), TypeError,
            "'attn_mask' must be bool or floating point, got torch.int64",
        ),
        (
            lambda m, x: m(x, x, x, attn_mask=torch.ones(5, 4)), ValueError,
            r"'attn_mask' must be .* got \(5, 4\)",
        ),
        (
            lambda m, x: m(x, x, x, key_padding_mask=torch.ones(5)), ValueError,
            r"'key_padding_mask' must be .* got \(5,\)",
        ),
    ],
)  # fmt: skip
def test_arguments_of_multi_head_attention_that_do_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call(ApproxMultiheadAttention(8, 2, batch_first=True), random(2, 5, 8))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_refused():
    nested = torch.nested.nested_tensor([random(2, 8), random(3, 8)])
    with pytest.raises(NotImplementedError, match="must be ordinary tensors, got a nested tensor;"):
        ApproxMultiheadAttention(8, 2, batch_first=True)(nested, nested, nested)


def test_heads_that_do_not_divide_the_features():
    with pytest.raises(ValueError, match="'embed_dim' must be a positive multiple of 'num_heads'"):
        ApproxMultiheadAttention(8, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"attn_mask": CAUSAL, "is_causal": True}, ValueError, "None where 'is_causal' is true"),
        ({"attn_mask": torch.ones(5, 5).int()}, TypeError, "must be bool or floating point, got"),
        ({"enable_gqa": True}, ValueError, "heads of 'query' must be a multiple .* got 3 and 2"),
    ],
)
def test_arguments_of_attention_that_do_not_fit(options, error, message):
    heads = 3 if "enable_gqa" in options else 2
    with pytest.raises(error, match=message):
        ApproxScaledDotProductAttention()(
            random(heads, 5, 4), random(2, 5, 4), random(2, 5, 4), **options
        )
