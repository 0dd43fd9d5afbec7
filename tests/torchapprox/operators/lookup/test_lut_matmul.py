"""`lut_matmul` against gathered entries: every shape, every pair of codes, its properties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import code_values, exact_products
from tests.torchapprox.builders import random_table
from torchapprox import lut_matmul
from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.lookup import cpu_lookup

TABLE = torch.from_numpy(random_table(1, limit=2**20))
NARROW = torch.from_numpy(random_table(2, limit=2**15))
LINE_KERNELS = [name for name in available_kernels() if name != "portable"]
SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


def codes(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def gathered(x, w, lut):
    """Look every product up and add, int64."""
    products = lut.long()[x.long().unsqueeze(-2), w.long().unsqueeze(-3)]
    return products.sum(-1)


def test_every_pair_of_codes():
    every = torch.arange(256, dtype=torch.uint8)[:, None]
    assert torch.equal(lut_matmul(every, every, TABLE), TABLE)


def test_every_pair_of_codes_one_by_one():
    every = torch.arange(256, dtype=torch.uint8)
    x, w = every.repeat_interleave(256), every.repeat(256)
    products = lut_matmul(x.view(-1, 1, 1), w.view(-1, 1, 1), TABLE)
    assert torch.equal(products.view(256, 256), TABLE)


@pytest.mark.parametrize("m", [1, 3, 7, 8, 9, 33])
@pytest.mark.parametrize("n", [1, 2, 8, 21])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 17])
def test_sizes(m, n, k):
    x, w = codes(m, k), codes(n, k, seed=1)
    assert torch.equal(lut_matmul(x, w, TABLE).long(), gathered(x, w, TABLE))


@pytest.mark.parametrize(("m", "n", "k"), [(2049, 9, 6), (9, 4099, 5), (5000, 8, 3), (3, 700, 130)])
def test_more_than_one_run_and_thread(m, n, k):
    x, w = codes(m, k), codes(n, k, seed=1)
    assert torch.equal(lut_matmul(x, w, TABLE).long(), gathered(x, w, TABLE))


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("span", [128, 256])
@pytest.mark.parametrize("groups", [1, 3])
def test_kernels(kernel, layout, span, groups):
    for m, n, k in [(1, 1, 1), (1, 90, 70), (70, 1, 33), (17, 65, 9), (65, 17, 130), (200, 20, 16)]:
        x, w = codes(groups, m, k) & (span - 1), codes(groups, n, k, seed=1)
        if layout == "columns":
            x, w = x.mT.contiguous().mT, w.mT.contiguous().mT
        for lut in (NARROW, NARROW.T, NARROW // 256):
            result = lut_matmul(x, w, lut, kernel=kernel)
            assert result.dtype == torch.int32
            assert torch.equal(result.long(), gathered(x, w, lut)), (m, n, k)


@pytest.mark.parametrize("kernel", LINE_KERNELS)
@pytest.mark.parametrize(("lut", "got"), [(TABLE, "int32 sums and"), (2048 * TABLE, "int64 sums")])
def test_a_forced_kernel_never_gives_way(kernel, lut, got, monkeypatch):
    x = codes(20, 30)
    with pytest.raises(NotImplementedError, match=rf"'{kernel}' needs.*at most 16 bits.*{got}"):
        lut_matmul(x, x, lut, kernel=kernel)
    monkeypatch.setenv("TORCHAPPROX_KERNEL", kernel)
    with pytest.raises(NotImplementedError, match=f"'{kernel}' needs"):
        lut_matmul(x, x, lut)
    assert torch.equal(lut_matmul(x, x, lut, kernel="portable").long(), gathered(x, x, lut))


@pytest.mark.parametrize("kernel", LINE_KERNELS)
def test_kernels_in_turn(kernel, monkeypatch):
    """Each is really used: the other one would give the wrong result here."""
    # By every kernel's costs vectors are faster: they are full, and look up in one plane at most.
    x, lut = codes(64, 30), NARROW // 256
    monkeypatch.setattr(cpu_lookup, "lookup_lines_cpu", lambda *arrays, **_: arrays[3].fill(5))
    monkeypatch.setattr(cpu_lookup, "lookup_runs_cpu", lambda *arrays, **_: arrays[3].fill(7))
    assert (lut_matmul(x, x, lut) == 5).all()
    assert (lut_matmul(x, x, NARROW, kernel=kernel) == 5).all()
    assert (lut_matmul(x, x, NARROW, kernel="portable") == 7).all()
    assert (lut_matmul(x, x, TABLE) == 7).all()


def test_an_unknown_kernel():
    with pytest.raises(ValueError, match=r"'kernel' must be one of .*, got 'sse'"):
        lut_matmul(codes(2, 3), codes(2, 3), TABLE, kernel="sse")


@pytest.mark.parametrize(("groups", "m", "n", "k"), [(1, 3, 4, 5), (3, 9, 8, 7), (5, 8, 30, 2)])
def test_groups(groups, m, n, k):
    x, w = codes(groups, m, k), codes(groups, n, k, seed=1)
    assert torch.equal(lut_matmul(x, w, TABLE).long(), gathered(x, w, TABLE))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("shape", [(4, 0, 3), (0, 4, 3), (0, 0, 0), (9, 8, 0), (1, 1, 0)])
def test_empty(shape, wide):
    m, n, k = shape
    lut = torch.full((256, 256), 2**31 - 1 if wide else 1, dtype=torch.int32)
    assert torch.equal(
        lut_matmul(codes(m, k), codes(n, k), lut).long(), torch.zeros(m, n, dtype=torch.int64)
    )


def test_no_groups():
    assert lut_matmul(codes(0, 3, 2), codes(0, 4, 2), TABLE).shape == (0, 3, 4)


@pytest.mark.parametrize("m", [5, 40])
@pytest.mark.parametrize("n", [6, 40])
def test_operands_in_any_layout(m, n):
    x, w, lut = codes(9, m).T, codes(2 * n, 18, seed=1)[::2, ::2], TABLE.T
    expected = gathered(x, w, lut)
    for table in (lut, lut.contiguous(), torch.cat([lut, lut], 1)[:, :256]):
        assert torch.equal(lut_matmul(x, w, table).long(), expected)


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(1, 12), n=st.integers(1, 12))
def test_linear_in_the_table(seed, m, n):
    first, second = (torch.from_numpy(random_table(seed + i)) for i in range(2))
    x, w = codes(m, 6, seed=seed), codes(n, 6, seed=seed + 1)
    combined = lut_matmul(x, w, 3 * first - 2 * second)
    assert torch.equal(combined, 3 * lut_matmul(x, w, first) - 2 * lut_matmul(x, w, second))


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(0, 40), x_signed=st.booleans(),
       w_signed=st.booleans())  # fmt: skip
def test_equals_the_exact_product_for_the_exact_table(seed, k, x_signed, w_signed):
    x, w = codes(9, k, seed=seed), codes(5, k, seed=seed + 1)
    lut = torch.from_numpy(exact_products(x_signed, w_signed).copy())
    x_values = torch.from_numpy(code_values(x_signed).astype(np.int64))[x.long()]
    w_values = torch.from_numpy(code_values(w_signed).astype(np.int64))[w.long()]
    assert torch.equal(lut_matmul(x, w, lut).long(), x_values @ w_values.T)


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 30))
def test_invariant_under_permutation_of_k(seed, k):
    x, w = codes(10, k, seed=seed), codes(3, k, seed=seed + 1)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(k))
    assert torch.equal(lut_matmul(x[:, order], w[:, order], TABLE), lut_matmul(x, w, TABLE))


@SETTINGS
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_and_columns_permute(seed):
    x, w = codes(10, 5, seed=seed), codes(9, 5, seed=seed + 1)
    rows, columns = (torch.from_numpy(np.random.default_rng(seed).permutation(n)) for n in (10, 9))
    y = lut_matmul(x, w, TABLE)
    assert torch.equal(lut_matmul(x[rows], w[columns], TABLE), y[rows][:, columns])


def test_transposed_table_swaps_the_operands():
    x, w = codes(10, 5), codes(9, 5, seed=1)
    assert torch.equal(lut_matmul(w, x, TABLE.T), lut_matmul(x, w, TABLE).T)


@pytest.mark.parametrize("m", [2, 30])
@pytest.mark.parametrize(
    ("entry", "k", "dtype"),
    [
        (2**31 - 1, 1, torch.int32),
        (-(2**31), 1, torch.int64),
        (2**31 - 1, 2, torch.int64),
        (2**30, 2, torch.int64),
        (2**30 - 1, 2, torch.int32),
        (-(2**16), 32767, torch.int32),
        (-(2**16), 32768, torch.int64),
        (65535, 32768, torch.int32),
        (0, 10**5, torch.int32),
    ],
)
@pytest.mark.bad_input("huge-k")
def test_accumulator_at_its_boundary(m, entry, k, dtype):
    lut = torch.zeros(256, 256, dtype=torch.int32)
    lut[7, 3] = entry
    x, w = torch.full((m, k), 7, dtype=torch.uint8), torch.full((9, k), 3, dtype=torch.uint8)
    y = lut_matmul(x, w, lut)
    assert y.dtype == dtype
    assert (y == k * entry).all()


def test_bound_that_the_caller_knows():
    x = codes(3, 4)
    assert lut_matmul(x, x, TABLE, lut_range=(-(2**30), 0)).dtype == torch.int64
    assert lut_matmul(x, x, TABLE, lut_range=(0, 2**20)).dtype == torch.int32


X, W = codes(2, 3), codes(4, 3)


@pytest.mark.parametrize(
    ("x", "w", "lut", "error", "match"),
    [
        (X.int(), W, TABLE, TypeError, r"'x' must be uint8 codes, got torch\.int32"),
        (X, W.view(torch.int8), TABLE, TypeError, r"'w' must be uint8 codes, got torch\.int8"),
        (X, W, TABLE.long(), TypeError, r"'lut' must be int32 \(256, 256\), got torch\.int64"),
        (X, W, TABLE.float(), TypeError, r"'lut' must be int32 \(256, 256\), got torch\.float32"),
        (X, W, TABLE[:, :128], ValueError, r"'lut' must be int32.*got torch\.int32 \(256, 128\)"),
        (X, W, TABLE.view(-1), ValueError, r"'lut' must be int32.*\(65536,\)"),
        (X, W[:, :2], TABLE, ValueError, r"'x' and 'w' must be \(M, K\).*\(2, 3\) and \(4, 2\)"),
        (X[0], W[0], TABLE, ValueError, r"got \(3,\) and \(3,\)"),
        (X[None], W, TABLE, ValueError, r"got \(1, 2, 3\) and \(4, 3\)"),
        (X[None], W.expand(2, 4, 3), TABLE, ValueError, r"equally many groups, got 1 and 2"),
        (X.to("meta"), W, TABLE, ValueError, r"must be on one device, got meta, cpu and cpu"),
        (X.to("meta"), W.to("meta"), TABLE.to("meta"), NotImplementedError, r"got meta; move"),
    ],
)  # fmt: skip
def test_errors(x, w, lut, error, match):
    with pytest.raises(error, match=match):
        lut_matmul(x, w, lut)


@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("m", "n"), [(3, 4), (20, 9), (9, 20)])
def test_custom_op_is_well_behaved(m, n, wide, layout):
    x, w = codes(2, m, 5), codes(2, n, 5, seed=1)
    if layout == "columns":
        x, w = x.mT.contiguous().mT, w.mT.contiguous().mT
    torch.library.opcheck(
        torch.ops.torchapprox.lut_matmul.default, (x, w, TABLE, wide, None, None, "auto")
    )


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.bad_input("other-shape")
def test_operands_are_checked_in_compiled_code_too():
    x, w = codes(3, 5), codes(4, 6)
    compiled = torch.compile(lut_matmul, backend="aot_eager")
    with pytest.raises(ValueError, match=r"must be \(M, K\) and \(N, K\), .* got \(3, 5\) and"):
        compiled(x, w, torch.zeros(256, 256, dtype=torch.int32))


@pytest.mark.skipif("vbmi" not in LINE_KERNELS, reason="costs of AVX-512 VBMI")
def test_sums_are_written_in_the_order_of_the_result():
    """Of two parts that look up as much, the one whose sums of a row are neighbours is taken."""
    x, w = codes(1, 256, 64), codes(1, 256, 64, seed=1)
    table = LookupTable(NARROW.numpy())
    by_rows = torch.empty(1, 256, 256)
    for result, x_runs in ((by_rows, False), (by_rows.mT, True)):
        assert cpu_lookup._cheapest(x, w, table, result, ("vbmi",)).x_runs is x_runs
