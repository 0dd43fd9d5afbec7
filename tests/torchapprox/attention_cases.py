"""Random products of activations, attention and multi-head attention, checked step by step."""

import math

import torch
from torch import nn

from tests.torchapprox import product_oracle as oracle
from tests.torchapprox.configurations import Configuration
from tests.torchapprox.product_cases import Products
from torchapprox.layers import (
    ApproxMatmul,
    ApproxMultiheadAttention,
    ApproxScaledDotProductAttention,
    Matmul,
    ScaledDotProductAttention,
)

# Batch shapes of the two operands, as torch.matmul broadcasts them.
BATCHES = [((), ()), ((2,), ()), ((), (3,)), ((2,), (2,)), ((2, 1), (3,)), ((1,), (2, 2)),
           ((2, 3), (2, 1)), ((2, 1), (2, 3)), ((2,), (1,))]  # fmt: skip


def assert_close(got, wanted, tolerance=1e-9):
    wanted = torch.as_tensor(wanted, dtype=torch.float64).reshape(got.shape)
    torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)


def matmul(seed):
    configuration = Configuration(seed)
    source = configuration.source
    products = Products(configuration, any_scale=("", " w"))
    layer = products.install(ApproxMatmul.from_float(Matmul(), products.qconfig))
    m, k, n = source.randint(1, 9), source.choice([1, 2, 3, 5, 8]), source.randint(1, 9)
    x_batch, w_batch = source.choice(BATCHES)
    x_vector, w_vector = (source.random() < 0.15 and not batch for batch in (x_batch, w_batch))
    x = configuration.reals(products[""].x, (k,) if x_vector else (*x_batch, m, k)).double()
    w = configuration.reals(products[""].w, (k,) if w_vector else (*w_batch, k, n)).double()
    y = layer(x, w)
    assert y.shape == torch.matmul(x, w).shape
    products.check_matmul("", 0, x[None] if x_vector else x, w[:, None] if w_vector else w)


def random_mask(source, shape):
    """A mask as `F.scaled_dot_product_attention` takes it, and what it adds to the scores."""
    kind = source.choice(["none", "causal", "bool", "float"])
    if kind == "none":
        return {}, torch.zeros(shape)
    if kind == "causal":
        return {"is_causal": True}, torch.full(shape, -math.inf).triu(1)
    if kind == "bool":
        keep = random_bools(source, shape, 0.6)
        return {"attn_mask": keep}, torch.zeros(shape).masked_fill(~keep, -math.inf)
    added = random_floats(source, shape)
    return {"attn_mask": added}, added


def random_bools(source, shape, share):
    return torch.tensor([source.random() < share for _ in range(math.prod(shape))]).reshape(shape)


def random_floats(source, shape):
    values = [source.choice([0.0, -1.5, 2.0, -math.inf]) for _ in range(math.prod(shape))]
    return torch.tensor(values).reshape(shape)


def scaled_dot_product_attention(seed):
    configuration = Configuration(seed)
    source = configuration.source
    products = Products(configuration, any_scale=("qk", "qk w", "av w"))
    module = products.install(
        ApproxScaledDotProductAttention.from_float(ScaledDotProductAttention(), products.qconfig)
    )
    length, keys, size, value_size = (source.randint(1, 5) for _ in range(4))
    heads, per_key = source.choice([1, 2, 3]), source.choice([1, 1, 2])
    batch = source.choice([(), (2,)])
    query = configuration.reals(products["qk"].x, (*batch, heads * per_key, length, size))
    key = configuration.reals(products["qk"].w, (*batch, heads, keys, size))
    value = configuration.reals(products["av"].w, (*batch, heads, keys, value_size))
    scale = source.choice([None, 0.01, 0.3])
    options, mask = random_mask(source, (length, keys))

    y = module(
        query.double(), key.double(), value.double(), scale=scale, enable_gqa=per_key > 1, **options
    )

    assert y.shape == (*batch, heads * per_key, length, value_size)
    (left, right), _ = products["qk"].calls[0]
    assert torch.equal(left.reshape(query.shape), query.double())
    assert torch.equal(right.mT.reshape(key.shape), key.double())
    factor = 1 / math.sqrt(size) if scale is None else scale
    (weights, values), result = products["av"].calls[0]
    assert torch.equal(values.reshape(value.shape), value.double())
    scores = products.check_matmul("qk", 0, left, right)
    masked = factor * scores.reshape(*batch, heads * per_key, length, keys) + mask
    softmax = [oracle.softmax(row) for row in masked.reshape(-1, keys).tolist()]
    # Scores of millions leave a few digits after the point.
    assert_close(weights, softmax, 1e-6)
    products.check_matmul("av", 0, weights, values)
    assert torch.equal(y.flatten(), result.flatten())


def multihead_attention(seed):
    configuration = Configuration(seed)
    source = configuration.source
    heads, size = source.choice([1, 2, 3]), source.randint(1, 3)
    embed = heads * size
    other = source.choice([{}, {"kdim": 3, "vdim": 4}])
    options = {
        name: source.choice([False, True])
        for name in ("bias", "add_bias_kv", "add_zero_attn", "batch_first")
    }
    float_layer = nn.MultiheadAttention(embed, heads, **other, **options, dtype=torch.float64)
    products = Products(configuration, any_scale=("q_proj", "k_proj", "v_proj"))
    layer = products.install(ApproxMultiheadAttention.from_float(float_layer, products.qconfig))
    batch, length, keys = source.choice([None, 1, 2]), source.randint(1, 4), source.randint(1, 4)

    def sequence(name, steps, features):
        shape = (steps, features) if batch is None else (batch, steps, features)
        return configuration.reals(products[name].x, shape).double()

    q = sequence("q_proj", length, embed)
    k = sequence("k_proj", keys, layer.kdim)
    v = sequence("v_proj", keys, layer.vdim)
    masks, mask = multihead_masks(source, batch or 1, heads, length, keys)
    if batch is None and "key_padding_mask" in masks:
        masks["key_padding_mask"] = masks["key_padding_mask"][0]
    swap = batch is not None and not layer.batch_first
    need, average = source.choice([False, True]), source.choice([False, True])

    y, weights = layer(
        *(t.transpose(0, 1) if swap else t for t in (q, k, v)),
        need_weights=need, average_attn_weights=average, **masks,
    )  # fmt: skip

    # From the projections' true outputs to the operands of the two products.
    extra = options["add_bias_kv"] + options["add_zero_attn"]
    projected = {}
    for name, given in (("q", q), ("k", k), ("v", v)):
        x, out = products.check_linear(f"{name}_proj", 0)
        assert torch.equal(x.reshape(given.shape), given)
        out = out.reshape(batch or 1, -1, embed)
        if name != "q":
            learned = getattr(layer, f"bias_{name}")
            if learned is not None:
                out = torch.cat([out, learned.detach().expand(len(out), 1, embed)], 1)
            if options["add_zero_attn"]:
                out = torch.cat([out, out.new_zeros(len(out), 1, embed)], 1)
        projected[name] = torch.stack(out.split(size, dim=-1), dim=1)  # (B, heads, steps, size)
    (left, right), _ = products["attention.qk"].calls[0]
    assert torch.equal(left, projected["q"])
    assert torch.equal(right, projected["k"].mT)
    mask = torch.cat([mask, mask.new_zeros(*mask.shape[:-1], extra)], -1)
    scores = products.check_matmul("attention.qk", 0, left, right) / math.sqrt(size) + mask
    (a, values), _ = products["attention.av"].calls[0]
    softmax = [oracle.softmax(row) for row in scores.reshape(-1, keys + extra).tolist()]
    assert_close(a, softmax, 1e-6)
    assert torch.equal(values, projected["v"])
    joined = products.check_matmul("attention.av", 0, a, values)
    x, out = products.check_linear("out_proj", 0)
    assert torch.equal(x, torch.cat(joined.unbind(1), dim=-1))
    assert torch.equal(y, (out.transpose(0, 1) if swap else out).reshape(y.shape))
    assert (weights is not None) == need
    if need:
        wanted = a.mean(1) if average else a
        assert_close(weights, wanted if batch is not None else wanted[0])


def multihead_masks(source, batch, heads, length, keys):
    """Masks as `nn.MultiheadAttention` takes them, and what they add to `(B, heads, L, S)`."""
    kind, masks = source.choice([bool, float]), {}
    added = torch.zeros(batch, heads, length, keys, dtype=torch.float64)

    def draw(shape):
        if kind is bool:
            mask = random_bools(source, shape, 0.4)
            return mask, torch.zeros(shape).masked_fill(mask, -math.inf)
        mask = random_floats(source, shape)
        return mask, mask

    form = source.choice(["none", "one", "each"])
    if form != "none":
        shape = (length, keys) if form == "one" else (batch * heads, length, keys)
        masks["attn_mask"], more = draw(shape)
        added += more if form == "one" else more.view(added.shape)
    if source.random() < 0.5:
        masks["key_padding_mask"], more = draw((batch, keys))
        added += more[:, None, None]
    return masks, added
