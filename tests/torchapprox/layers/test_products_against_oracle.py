"""Products of two activations and attention against the oracle: integers equal, floats to 1e-5."""

import math

import pytest
import torch

from tests.torchapprox import product_oracle as oracle
from tests.torchapprox.configurations import POWERS_OF_TWO, Configuration, qconfig_of, seeds
from torchapprox import InferenceMode, observe_operands
from torchapprox.layers import ApproxMatmul, ApproxScaledDotProductAttention

# Shapes without their vectors' axes, as torch.matmul broadcasts them.
BATCHES = [((), ()), ((2,), ()), ((), (3,)), ((2,), (2,)), ((2, 1), (3,)), ((1,), (2, 2)),
           ((2, 3), (2, 1)), ((2, 1), (2, 3)), ((2,), (1,))]  # fmt: skip


def configured(configuration, layer, x, w):
    """Give a product the configuration's multiplier and two quantisers."""
    layer.multiplier = configuration.multiplier
    layer.inference_mode = InferenceMode.APPROXIMATE
    x.install(layer.activation_fake_quant)
    w.install(layer.weight_fake_quant)
    return layer


def observed(module, run):
    """Return what ``run`` returns and the accumulators of every product by name."""
    accumulators = {}

    def remember(name, operands, _):
        layer = dict(module.named_modules())[name]
        accumulators[name] = operands.accumulate(layer.lut)

    with observe_operands(module, remember):
        result = run()
    return result, accumulators


def stacked(by_index, batch):
    """The oracle's matrices as one tensor, batch axes first."""
    matrices = torch.tensor(list(by_index.values()))
    return matrices.reshape(*batch, *matrices.shape[1:])


def assert_close(got, wanted):
    torch.testing.assert_close(got.double(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", seeds(10_000))
def test_matmul(seed):
    configuration = Configuration(seed)
    source = configuration.source
    w = configuration.operand(configuration.multiplier.w_port.signed)
    m, k, n = source.randint(1, 9), source.choice([1, 2, 3, 5, 8]), source.randint(1, 9)
    x_batch, w_batch = source.choice(BATCHES)
    x_vector, w_vector = (source.random() < 0.15 and not batch for batch in (x_batch, w_batch))
    x_real = configuration.reals(configuration.x, (k,) if x_vector else (*x_batch, m, k))
    w_real = configuration.reals(w, (k,) if w_vector else (*w_batch, k, n))
    layer = configured(
        configuration, ApproxMatmul(qconfig_of(configuration.x, w)), configuration.x, w
    )

    y, accumulators = observed(layer, lambda: layer(x_real, w_real))

    assert y.shape == torch.matmul(x_real, w_real).shape
    batch = torch.broadcast_shapes(x_batch, w_batch)
    rows = x_real[None] if x_vector else x_real
    columns = w_real[:, None] if w_vector else w_real
    expected = stacked(
        oracle.matmul(
            configuration.multiplier.lut,
            oracle.quantised(configuration.x, rows.tolist()),
            oracle.quantised(w, columns.tolist()),
            batch,
            configuration.x.zero_points[0],
            w.zero_points[0],
        ),
        batch,
    )
    assert torch.equal(accumulators[""].reshape(expected.shape), expected)
    scale = configuration.x.scales[0] * w.scales[0]
    torch.testing.assert_close(
        y.double(), (scale * expected.double()).reshape(y.shape), rtol=1e-5, atol=0
    )


def random_mask(source, shape):
    """A mask as `F.scaled_dot_product_attention` takes it, and what it adds to the scores."""
    kind = source.choice(["none", "causal", "bool", "float"])
    if kind == "none":
        return {}, torch.zeros(shape)
    if kind == "causal":
        return {"is_causal": True}, torch.full(shape, -math.inf).triu(1)
    open_ = torch.tensor([source.random() < 0.6 for _ in range(math.prod(shape))]).reshape(shape)
    if kind == "bool":
        return {"attn_mask": open_}, torch.zeros(shape).masked_fill(~open_, -math.inf)
    added = torch.tensor([source.choice([0.0, -1.5, 2.0, -math.inf]) for _ in range(open_.numel())])
    return {"attn_mask": added.reshape(shape)}, added.reshape(shape)


@pytest.mark.parametrize("seed", seeds(20_000))
def test_scaled_dot_product_attention(seed):
    configuration = Configuration(seed)
    source, multiplier = configuration.source, configuration.multiplier
    length, keys, size, value_size = (source.randint(1, 5) for _ in range(4))
    heads = source.choice([1, 2, 3])
    per_key = source.choice([1, 1, 2])
    batch = source.choice([(), (2,)])
    q = configuration.x
    k, v = (configuration.operand(multiplier.w_port.signed) for _ in range(2))
    # Softmax makes floats of any kind; only a power of two divides them without rounding.
    a = configuration.operand(multiplier.x_port.signed, scales=POWERS_OF_TWO)
    query = configuration.reals(q, (*batch, heads * per_key, length, size))
    key = configuration.reals(k, (*batch, heads, keys, size))
    value = configuration.reals(v, (*batch, heads, keys, value_size))
    scale = source.choice([None, 0.01, 0.3])
    options, added = random_mask(source, (length, keys))
    module = ApproxScaledDotProductAttention()
    module.qk = configured(configuration, ApproxMatmul(qconfig_of(q, k)), q, k)
    module.av = configured(configuration, ApproxMatmul(qconfig_of(a, v)), a, v)
    weights = []
    module.av.register_forward_pre_hook(lambda _, inputs: weights.append(inputs[0]))

    y, accumulators = observed(
        module,
        lambda: module(query, key, value, scale=scale, enable_gqa=per_key > 1, **options),
    )

    batch = (*batch, heads * per_key)
    key, value = (t.repeat_interleave(per_key, dim=-3) for t in (key, value))
    scores = stacked(
        oracle.matmul(
            multiplier.lut,
            oracle.quantised(q, query.tolist()),
            oracle.quantised(k, key.mT.tolist()),
            batch,
            q.zero_points[0],
            k.zero_points[0],
        ),
        batch,
    )
    assert torch.equal(accumulators["qk"].reshape(scores.shape), scores)
    factor = q.scales[0] * k.scales[0] * (1 / math.sqrt(size) if scale is None else scale)
    masked = factor * scores.double() + added
    (actual,) = weights
    expected = [oracle.softmax(row) for row in masked.reshape(-1, keys).tolist()]
    # exp makes an absolute difference of the scores a relative one of the weights.
    finite = masked[masked.isfinite()].abs()
    tolerance = 1e-6 * (1 + (float(finite.max()) if finite.numel() else 0))
    torch.testing.assert_close(
        actual.reshape(-1, keys).double(), torch.tensor(expected, dtype=torch.float64),
        rtol=tolerance, atol=1e-6,
    )  # fmt: skip
    sums = stacked(
        oracle.matmul(
            multiplier.lut,
            oracle.quantised(a, actual.reshape(*batch, length, keys).tolist()),
            oracle.quantised(v, value.tolist()),
            batch,
            a.zero_points[0],
            v.zero_points[0],
        ),
        batch,
    )
    assert torch.equal(accumulators["av"].reshape(sums.shape), sums)
    torch.testing.assert_close(
        y.double(), a.scales[0] * v.scales[0] * sums.double(), rtol=1e-5, atol=0
    )
