"""Products by factors: the integers of the look-ups, and who computes them."""

from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from htp import Factorisation
from multipliers import Multiplier, get
from tests.torchapprox.builders import minmax_qconfig, wrapped
from tests.torchapprox.operators.lookup.test_lut_conv import CASES, codes
from torchapprox import Accumulator, approximate, get_approx_modules, lut_matmul
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.layers import Matmul
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine import choice as module
from torchapprox.operators.engine import costs as costs_module
from torchapprox.operators.engine.choice import chosen_engine
from torchapprox.operators.engine.costs import EngineCosts, most_useful_terms
from torchapprox.operators.factors import factor_tables
from torchapprox.operators.factors.factor_products import factor_conv, factor_matmul
from torchapprox.operators.factors.factor_tables import TableFactors, table_factors
from torchapprox.operators.lookup.lut_conv import lut_conv

# Rank 1; int8 parts of several weights; shifts of both sides; a shift of one; many terms.
NAMES = ("mul8s_tm_k3", "mul8s_drum4", "mul8u_bam_h0_v4", "mul8u_tosam_h0_t3", "mul8s_wallace_loa6")
LUTS = {name: torch.tensor(get(name).lut) for name in NAMES}
FACTORS = {name: table_factors(LookupTable(lut.numpy())) for name, lut in LUTS.items()}
FULL_RANK = torch.from_numpy(
    np.random.default_rng(0).integers(-99, 99, (256, 256)).astype(np.int32)
)
COSTS = EngineCosts(
    lookup=1.0, lookup_two_halves=2.0, lookup_alone=9.0, lookup_depthwise=1.0, lookup_call=5.0,
    term=0.2, term_in_bytes=0.2, term_depthwise=0.3, feature=0.1, feature_in_bytes=0.1,
    factors_call=5.0,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_factors_of_a_table(name):
    factors, lut = FACTORS[name], LUTS[name].numpy()
    assert np.array_equal(factors.left.T @ factors.right, lut)
    table = sum(
        part.weight * (part.left.T.astype(int) @ part.right.astype(int)) for part in factors.parts
    )
    for shift, axis in ((factors.x_shift, 1), (factors.w_shift, 0)):
        if shift is not None:
            table = table + np.expand_dims(shift, axis)
    assert np.array_equal(table, lut)


def test_the_cases_reach_every_form_of_factors():
    assert [FACTORS[name].rank for name in NAMES] == [1, 1, 5, 4, 17]
    assert len({part.weight for part in FACTORS["mul8s_drum4"].parts}) > 1
    assert FACTORS["mul8u_bam_h0_v4"].x_shift is not None
    assert FACTORS["mul8u_bam_h0_v4"].w_shift is not None
    assert FACTORS["mul8u_tosam_h0_t3"].w_shift is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_matrix_products(data):
    name = data.draw(st.sampled_from(NAMES))
    groups, m, n = (data.draw(st.integers(1, most)) for most in (3, 20, 20))
    depth = data.draw(st.sampled_from([1, 2, 63, 400, 1500]))
    seed = data.draw(st.integers(0, 99))
    x, w = codes(groups, m, depth, seed=seed), codes(groups, n, depth, seed=seed + 1)
    wanted = lut_matmul(x, w, LUTS[name], engine="lookup").long()
    dtype = data.draw(st.sampled_from([torch.int32, torch.int64]))
    for out in (torch.empty(groups, m, n, dtype=dtype), torch.empty(groups, n, m, dtype=dtype).mT):
        factor_matmul(x, w, FACTORS[name], out)
        assert torch.equal(out.long(), wanted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolutions(case, name):
    batch, channels, size, out_channels, kernel, stride, dilation, groups = case
    x = codes(batch, channels, *size)
    w = codes(out_channels, channels // groups, *kernel, seed=1)
    shape = ConvShape(batch, channels, size, out_channels, kernel, stride, dilation, groups)
    by_engine = partial(lut_conv, x, w, LUTS[name], stride=stride, dilation=dilation, groups=groups)
    wanted = by_engine(engine="lookup")
    assert torch.equal(by_engine(engine="factors"), wanted)
    for dtype in (torch.int32, torch.int64) if wanted.numel() and shape.depth else ():
        out = torch.full(wanted.shape, 7, dtype=dtype)
        factor_conv(x, w, shape, FACTORS[name], out)
        assert torch.equal(out, wanted.to(dtype))


@pytest.mark.parametrize("groups", [1, 2])
def test_sums_beyond_int32_are_made_in_parts(groups):
    """With the largest codes, and with as few products in a part as a table of 28 bits leaves."""
    name = "mul8u_bam_h0_v4"
    depth = FACTORS[name].depth + 5
    x = torch.full((groups, 2, depth), 255, dtype=torch.uint8)
    out = torch.empty(groups, 2, 2, dtype=torch.int64)
    factor_matmul(x, x, FACTORS[name], out)
    assert (out == depth * int(LUTS[name][255, 255])).all()
    large = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32)) * 4096
    factors = table_factors(LookupTable(large.numpy()))
    assert factors.depth == 8
    x, w = codes(2, 10 * groups, 4, 5), codes(4, 10, 1, 3, seed=1)
    steps = {"stride": (1, 2), "dilation": (2, 1), "groups": groups}
    wanted = lut_conv(x, w, large, engine="lookup", **steps)
    assert wanted.dtype == torch.int64
    assert torch.equal(lut_conv(x, w, large, engine="factors", **steps), wanted)


def test_factors_that_the_kernel_does_not_take():
    """Sums of one term need 40 bits, those of the table 24; sums of one channel need 33."""
    x_values = np.arange(256)
    left = np.stack([x_values << 20, x_values * (1 - 2**20)], axis=1)
    right = np.stack([x_values, x_values])
    multiplier = Multiplier.from_lut(left @ right, x_signed=False, w_signed=False)
    factors = TableFactors.of(Factorisation(multiplier, left, right, "table"))
    assert factors.pairs is None
    with pytest.raises(ValueError, match="'factors' must fit 16 bits"):
        factor_matmul(*OPERANDS, factors, torch.empty(1, 64, 64))
    large = torch.arange(256, dtype=torch.int32).outer(torch.arange(256, dtype=torch.int32)) * 4096
    x, w = codes(1, 1, 3, 3), codes(1, 1, 3, 3, seed=1)
    steps = {"stride": (1, 1), "dilation": (1, 1)}
    with pytest.raises(NotImplementedError, match="sums of a channel that fit 32 bits"):
        lut_conv(x, w, large, engine="factors", **steps)
    assert torch.equal(
        lut_conv(x, w, large, **steps), lut_conv(x, w, large, engine="lookup", **steps)
    )


LAYERS = {
    "linear": (nn.Linear(40, 3), (4, 40)),
    "sequence": (nn.Linear(300, 7), (2, 5, 300)),
    "convolution": (nn.Conv2d(2, 4, 3, padding=1, stride=2), (2, 2, 6, 7)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2, padding=2, dilation=2), (2, 4, 6, 7)),
    "depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding="same"), (2, 4, 6, 7)),
    "one dimension": (nn.Conv1d(4, 6, 3, groups=2, padding=2), (2, 4, 9)),
    "three dimensions": (nn.Conv3d(2, 3, 2, padding=1), (2, 2, 3, 4, 3)),
    "reflect": (nn.Conv2d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 6, 7)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), (2, 4, 4, 5)),
}


@pytest.mark.parametrize("name", ["mul8s_bam_h4_v6", "mul8u_bam_h0_v4"])
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_layers(layer, shape, name):
    ranges = {} if "8s" in name else {"activation": (0, 255), "weight": (0, 255)}
    qconfig = minmax_qconfig(**ranges, w_affine=True, per_channel=True)
    wrapper = wrapped(layer, get(name), qconfig=qconfig)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    results = {}
    for engine in ("lookup", "factors", "auto"):
        wrapper.wrapped.engine = engine
        results[engine] = wrapper(x)
    assert torch.equal(results["factors"], results["lookup"])
    assert torch.equal(results["auto"], results["lookup"])


def test_products_of_activations_and_gradients():
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    converted = nn.ModuleList([Matmul()])
    approximate(converted, get("mul8s_bam_h4_v6"), engine="factors")
    (_, layer), *_ = get_approx_modules(converted)
    assert layer.engine == "factors"
    results = []
    for engine in ("factors", "lookup"):
        layer.engine = engine
        layer.eval()
        y = layer(x, x.mT)
        results.append((y, *torch.autograd.grad(y.square().sum(), x)))
    for got, wanted in zip(*results, strict=True):
        assert torch.equal(got, wanted)


@pytest.mark.parametrize(
    "accumulator",
    [Accumulator(14), Accumulator(14, "saturate"), Accumulator(14, "saturate", when="end"),
     Accumulator(18, height=7, partial_bits=13)],
)  # fmt: skip
def test_accumulators(accumulator):
    x, w = codes(1, 5, 30), codes(1, 4, 30, seed=1)
    lut = LUTS["mul8u_bam_h0_v4"]
    wanted = accumulator.matmul(x, w, lut, engine="lookup")
    assert torch.equal(accumulator.matmul(x, w, lut, engine="factors"), wanted)


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    monkeypatch.setattr(module, "_chosen", WeakKeyDictionary())


def counted(monkeypatch):
    """Note the products by factors."""
    calls = []
    for name in ("factor_matmul", "factor_conv"):
        original = getattr(module, name)

        def count(*arguments, name=name, original=original):
            calls.append(name)
            original(*arguments)

        monkeypatch.setattr(module, name, count)
    return calls


def with_costs(monkeypatch, **changes):
    monkeypatch.setattr(module, "engine_costs", lambda _: replace(COSTS, **changes))
    monkeypatch.setattr(costs_module, "line_kernels", lambda _: ("vbmi",))
    monkeypatch.setattr(module, "_most_terms", module._most_terms.__wrapped__)
    monkeypatch.setattr(module, "_chosen", WeakKeyDictionary())
    return counted(monkeypatch)


OPERANDS = codes(64, 32), codes(64, 32, seed=1)


@pytest.mark.parametrize(
    ("changes", "name", "taken"),
    [
        ({}, "mul8s_tm_k3", ["factor_matmul"]),
        ({"term": 0.9, "term_in_bytes": 0.9}, "mul8s_tm_k3", []),
        ({"lookup": 0.1, "lookup_alone": 0.1}, "mul8s_tm_k3", []),
        ({}, "mul8u_bam_h0_v4", []),  # five products cost as much as one look-up
        ({"term": 0.05}, "mul8u_bam_h0_v4", ["factor_matmul"]),
    ],
)
def test_auto_takes_what_costs_least(changes, name, taken, monkeypatch):
    calls = with_costs(monkeypatch, **changes)
    wanted = lut_matmul(*OPERANDS, LUTS[name], engine="lookup")
    assert torch.equal(lut_matmul(*OPERANDS, LUTS[name]), wanted)
    assert calls == taken


def test_whoever_is_named_computes(monkeypatch):
    calls = with_costs(monkeypatch)
    lut = LUTS["mul8s_tm_k3"]
    lut_matmul(*OPERANDS, lut, engine="lookup")
    lut_matmul(*OPERANDS, lut, kernel="portable")
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
    lut_matmul(*OPERANDS, lut)
    monkeypatch.delenv("TORCHAPPROX_ENGINE")
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "portable")
    lut_matmul(*OPERANDS, lut)
    assert calls == []
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "factors")
    lut_matmul(*OPERANDS, LUTS["mul8u_bam_h0_v4"])
    x = codes(2, 3, 5, 5)
    lut_conv(x, x[..., :3, :3], lut, stride=(1, 1), dilation=(1, 1), engine="factors")
    assert len(calls) == 2


def test_a_table_is_factorised_once_whoever_asks(monkeypatch):
    calls = []
    original = factor_tables._factorised
    monkeypatch.setattr(
        factor_tables, "_factorised", lambda table: calls.append(1) or original(table)
    )
    lut = torch.tensor(get("mul8s_bam_h0_v7").lut)
    for table in (lut, lut.clone(), lut.T.contiguous().T):
        lut_matmul(*OPERANDS, table, engine="factors")
    assert len(calls) == 1
    lut_matmul(*OPERANDS, FULL_RANK)  # noticed before anything is factorised
    assert len(calls) == 1


def test_high_ranks():
    assert table_factors(LookupTable(FULL_RANK.numpy())) is None
    table = LookupTable(get("mul8u_bam_h0_v4").lut)
    assert table_factors(table, most_terms=4) is None
    assert table_factors(table, most_terms=5).rank == 5
    with pytest.raises(
        NotImplementedError, match="'factors' needs a table of a rank of at most 64"
    ):
        lut_matmul(*OPERANDS, FULL_RANK, engine="factors")


@pytest.mark.parametrize("in_bytes", [True, False])
def test_features_in_bytes_have_costs_of_their_own(in_bytes, monkeypatch):
    calls = with_costs(monkeypatch, term=0.9, term_in_bytes=0.1)
    monkeypatch.setattr(module, "takes_bytes", lambda *_, **__: in_bytes)
    lut_matmul(*OPERANDS, LUTS["mul8s_tm_k3"])
    assert calls == (["factor_matmul"] if in_bytes else [])


def test_no_costs_are_measured_for_a_table_of_full_rank(monkeypatch):
    monkeypatch.setattr(module, "engine_costs", lambda _: pytest.fail("costs were measured"))
    monkeypatch.setattr(module, "_most_terms", module._most_terms.__wrapped__)
    lut_matmul(*OPERANDS, FULL_RANK)


def test_an_expanded_table_costs_as_much_for_few_positions(monkeypatch):
    """Those of either operand, whichever is cheaper; a convolution's weights are expanded."""
    estimates = []
    for kernels in (("vbmi",), ("avx2", "expanded")):
        monkeypatch.setattr(costs_module, "line_kernels", lambda _, kernels=kernels: kernels)
        sizes = ((1, 64, 128, 10), (2, 3000, 16, 10))
        free = replace(COSTS, lookup_alone=99.0, lookup_call=0.0)
        estimates.append([free.matmul(size, 1)[1] for size in sizes])
        shape = ConvShape(2, 3, (12, 12), 8, (3, 3), (1, 1), (1, 1), 1)
        estimates[-1].append(free.conv(shape, 1)[1])
    in_registers, expanded = estimates
    assert in_registers == [64 * 128 * 10, 2 * 3008 * 16 * 10, 8 * 256 * 27]
    assert expanded == [64 * (128 + 403) * 10, 2 * 16 * (3000 + 3 * 403) * 10, 8 * (200 + 403) * 27]


@pytest.mark.parametrize(("kernel", "longer"), [("vbmi", 1), ("expanded", (64 + 403) / 64)])
def test_useful_terms(kernel, longer, monkeypatch):
    monkeypatch.setattr(costs_module, "line_kernels", lambda _: (kernel,))
    assert most_useful_terms(COSTS) == int(10 * longer)
    in_pairs = replace(COSTS, term=0.5, term_in_bytes=0.5)
    assert most_useful_terms(replace(in_pairs, term_depthwise=0.01)) == 100


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (5, 4, 0)])
def test_nothing_to_do(shape):
    m, n, k = shape
    y = lut_matmul(codes(m, k), codes(n, k), LUTS["mul8s_tm_k3"], engine="factors")
    assert y.shape == (m, n)
    assert not y.any()


def test_custom_ops_are_well_behaved():
    x, w = codes(2, 70, 9), codes(2, 5, 9, seed=1)
    for a, b in ((x, w), (w, x)):
        arguments = (a, b, LUTS["mul8s_tm_k3"], False, None, None, "factors")
        torch.library.opcheck(torch.ops.torchapprox.lut_matmul.default, arguments)
    x, w = codes(2, 4, 7, 9), codes(6, 2, 3, 3, seed=1)
    arguments = (x, w, LUTS["mul8s_tm_k3"], [2, 1], [1, 2], 2, False, None, None, "factors")
    torch.library.opcheck(torch.ops.torchapprox.lut_conv.default, arguments)


def test_engines_are_settings_of_layers():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    approximate(model, get("mul8s_tm_k3"), engine={"2": "factors"})
    assert [layer.engine for _, layer in get_approx_modules(model)] == ["auto", "factors"]
    assert "engine=factors" in repr(model)
    assert repr(model).count("engine") == 1
    with pytest.raises(LookupError, match="'engine': '7' matches no layer"):
        approximate(model, engine={"7": "factors"})
    with pytest.raises(ValueError, match="'engine' must be one of auto, lookup, factors, got 'x'"):
        approximate(model, engine="x")
    assert [layer.engine for _, layer in get_approx_modules(model)] == ["auto", "factors"]


def test_unknown_and_unsupported_engines(monkeypatch):
    with pytest.raises(ValueError, match="'engine' must be one of auto, lookup, factors, got 'x'"):
        lut_matmul(*OPERANDS, FULL_RANK, engine="x")
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "fast")
    with pytest.raises(
        ValueError, match=r"variable TORCHAPPROX_ENGINE must be one of .*, got 'fast'"
    ):
        lut_matmul(*OPERANDS, FULL_RANK)
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "factors")
    assert chosen_engine("auto", None) == "factors"
    assert chosen_engine("lookup", None) == "lookup"
