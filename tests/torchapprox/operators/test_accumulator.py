"""Accumulators of limited width against running sums of Python integers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import exact_products
from tests.torchapprox import oracle
from tests.torchapprox.builders import random_table
from torchapprox import Accumulator, lut_matmul
from torchapprox.operators.lookup.saturating_matmul import saturating_matmul

TABLE = torch.from_numpy(random_table(1))
TILES = st.fixed_dictionaries({"height": st.integers(1, 9), "partial_bits": st.integers(2, 40)})
ACCUMULATORS = st.builds(
    lambda tile, **fields: Accumulator(**fields, **tile),
    st.just({}) | TILES,
    bits=st.integers(2, 40),
    overflow=st.sampled_from(["wrap", "saturate"]),
    when=st.sampled_from(["step", "end"]),
)


def codes(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def by_hand(x, w, lut, accumulator):
    """Nested lists of the oracle's sums, `(G, M, N)`."""
    products = lut[x.long().unsqueeze(2), w.long().unsqueeze(1)]  # (G, M, N, K)
    shape = products.shape[:-1]
    sums = [oracle.accumulate(row, accumulator) for row in products.flatten(0, 2).tolist()]
    return torch.tensor(sums).view(shape).tolist()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    accumulator=ACCUMULATORS, m=st.integers(1, 5), n=st.integers(1, 5), k=st.integers(1, 20),
    limit=st.sampled_from([2**4, 2**15, 2**31 - 1]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_form(accumulator, m, n, k, limit, seed):
    x, w = codes(2, m, k, seed=seed), codes(2, n, k, seed=seed + 1)
    lut = torch.from_numpy(random_table(seed, limit=limit))
    assert accumulator.matmul(x, w, lut).tolist() == by_hand(x, w, lut, accumulator)


@pytest.mark.parametrize(("m", "n"), [(2100, 3), (3, 1500), (700, 40)])
def test_more_than_one_run_and_thread(m, n):
    x, w = codes(1, m, 6), codes(1, n, 6, seed=1)
    products = TABLE.long()[x.long().unsqueeze(2), w.long().unsqueeze(1)]
    expected = torch.zeros(1, m, n, dtype=torch.int64)
    for k in range(6):
        expected = (expected + products[..., k]).clamp(-(2**15), 2**15 - 1)
    assert torch.equal(saturating_matmul(x, w, TABLE, bits=16), expected)


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("when", ["step", "end"])
@pytest.mark.parametrize("tile", [{}, {"height": 4, "partial_bits": 30}])
def test_a_wide_one_is_exact(overflow, when, tile):
    x, w = codes(2, 9, 33), codes(2, 7, 33, seed=1)
    accumulator = Accumulator(62, overflow, when, **tile)
    assert torch.equal(accumulator.matmul(x, w, TABLE), lut_matmul(x, w, TABLE).long())


def test_extreme_entries_do_not_overflow_the_sum_itself():
    lut = torch.full((256, 256), -(2**31), dtype=torch.int32)
    x = codes(1, 2, 3000)
    for bits, expected in ((62, -3000 * 2**31), (32, -(2**31))):
        assert (Accumulator(bits, "saturate").matmul(x, x, lut) == expected).all()
    assert (Accumulator(62, "wrap").matmul(x, x, lut) == -3000 * 2**31).all()


def test_order_matters_to_saturation_only():
    x, w = codes(1, 20, 30), codes(1, 10, 30, seed=1)
    order = torch.arange(29, -1, -1)
    for overflow, same in (("wrap", True), ("saturate", False)):
        accumulator = Accumulator(17, overflow)
        forward = accumulator.matmul(x, w, TABLE)
        backward = accumulator.matmul(x[..., order], w[..., order], TABLE)
        assert torch.equal(forward, backward) is same


def test_tiles_as_high_as_the_sum_are_one():
    x, w = codes(1, 5, 8), codes(1, 6, 8, seed=1)
    tiled = Accumulator(40, "saturate", height=8, partial_bits=16)
    assert torch.equal(tiled.matmul(x, w, TABLE), Accumulator(16, "saturate").matmul(x, w, TABLE))


@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("tile", [{}, {"height": 4, "partial_bits": 9}])
@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 4), (3, 0, 4), (3, 4, 0)])
def test_empty(m, n, k, overflow, tile):
    y = Accumulator(8, overflow, **tile).matmul(codes(1, m, k), codes(1, n, k), TABLE)
    assert torch.equal(y.expand(1, m, n), torch.zeros(1, m, n, dtype=torch.int64))
    assert y.shape == (1, m, n)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"bits": 1}, ValueError, "'bits' must be from 2 to 62, got 1"),
        ({"bits": 63}, ValueError, "'bits' must be from 2 to 62, got 63"),
        ({"bits": 8.0}, TypeError, r"'bits' must be an int, got 8\.0"),
        ({"bits": True}, TypeError, "'bits' must be an int, got True"),
        ({"bits": 8, "overflow": "clip"}, ValueError, "must be 'wrap' or 'saturate', got 'clip'"),
        ({"bits": 8, "when": "never"}, ValueError, "'when' must be 'step' or 'end', got 'never'"),
        ({"bits": 8, "height": 4}, ValueError, "must be given together, got 4 and None"),
        ({"bits": 8, "partial_bits": 4}, ValueError, "must be given together, got None and 4"),
        ({"bits": 8, "height": 0, "partial_bits": 4}, ValueError, "'height' must be at least 1"),
        ({"bits": 8, "height": 2, "partial_bits": 99}, ValueError, "'partial_bits' must be from"),
        ({"bits": 8, "height": "2", "partial_bits": 9}, TypeError, "'height' must be an int, got"),
    ],
)
def test_other_values_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        Accumulator(**fields)


@pytest.mark.parametrize(
    ("x", "w", "lut", "error", "match"),
    [
        (codes(1, 2, 3).int(), codes(1, 2, 3), TABLE, TypeError, "'x' must be uint8 codes"),
        (codes(1, 2, 3), codes(1, 2, 4), TABLE, ValueError, r"got \(1, 2, 3\) and \(1, 2, 4\)"),
        (codes(1, 2, 3), codes(1, 2, 3), TABLE.long(), TypeError, "'lut' must be int32"),
    ],
)
def test_operands_are_checked(x, w, lut, error, match):
    for accumulator in (Accumulator(8, "saturate"), Accumulator(8, "wrap")):
        with pytest.raises(error, match=match):
            accumulator.matmul(x, w, lut)


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize(("m", "n"), [(3, 4), (9, 2)])
def test_custom_op_is_well_behaved(m, n, layout):
    x, w = codes(2, m, 5), codes(2, n, 5, seed=1)
    if layout == "columns":
        x, w = x.mT.contiguous().mT, w.mT.contiguous().mT
    torch.library.opcheck(torch.ops.torchapprox.saturating_matmul.default, (x, w, TABLE, 12))


def test_exact_products_in_a_wide_register():
    lut = torch.from_numpy(exact_products(True, False).copy())
    x, w = codes(1, 4, 50), codes(1, 3, 50, seed=1)
    expected = x.view(torch.int8).long() @ w.long().mT
    assert torch.equal(Accumulator(24, "saturate").matmul(x, w, lut), expected)
