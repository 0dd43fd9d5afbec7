"""Convolutions of codes against receptive fields that plain indexing lays out."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torchapprox.builders import random_table
from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.operators.lookup import lut_conv as module
from torchapprox.operators.lookup.lut_conv import lut_conv

TABLE = torch.from_numpy(random_table(1)).T
KERNELS = available_kernels()


def codes(*shape, seed=0, high=256):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, high, shape, dtype=np.uint8))


def looked_up(x, w, lut, stride, dilation, groups):
    """Every output by itself."""
    dims = x.dim() - 2
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    ]
    out = torch.zeros(len(x), len(w), *sizes, dtype=torch.int64)
    wide = lut.long()
    for p in itertools.product(*map(range, sizes)):
        for t in itertools.product(*map(range, w.shape[2:])):
            place = tuple(p[i] * stride[i] + t[i] * dilation[i] for i in range(dims))
            seen = x[(slice(None), slice(None), *place)].long()
            kernel = w[(slice(None), slice(None), *t)].long()
            for n in range(len(w)):
                first = n // (len(w) // groups) * w.shape[1]
                channels = seen[:, first : first + w.shape[1]]
                out[(slice(None), n, *p)] += wide[channels, kernel[n]].sum(1)
    return out


CASES = {
    # batch, channels, size, out channels, kernel, stride, dilation, groups
    "one axis": (2, 3, (9,), 4, (3,), (1,), (1,), 1),
    "one axis, strided": (2, 2, (11,), 4, (3,), (3,), (2,), 2),
    "two axes": (2, 3, (6, 7), 5, (3, 2), (1, 1), (1, 1), 1),
    "point": (3, 8, (5, 4), 6, (1, 1), (1, 1), (1, 1), 1),
    "point, strided": (2, 4, (5, 7), 6, (1, 1), (2, 2), (1, 1), 1),
    "strided and dilated": (2, 4, (9, 11), 6, (3, 3), (2, 3), (2, 1), 2),
    "depthwise": (2, 5, (8, 9), 5, (3, 3), (1, 1), (1, 1), 5),
    "depthwise, many positions": (1, 2, (24, 30), 2, (3, 3), (1, 1), (1, 1), 2),
    "depthwise, strided": (2, 5, (9, 8), 10, (3, 3), (2, 2), (1, 1), 5),
    "depthwise, dilated": (1, 3, (9, 12), 3, (3, 3), (1, 1), (2, 3), 3),
    "rows only": (1, 1, (300, 1), 1, (3, 1), (1, 1), (1, 1), 1),
    "three axes": (2, 2, (4, 5, 6), 8, (2, 3, 2), (1, 1, 1), (1, 1, 1), 1),
    "three axes, depthwise": (1, 3, (4, 7, 5), 3, (2, 2, 2), (2, 1, 1), (1, 2, 1), 3),
    "kernel as large as the input": (2, 2, (3, 3), 4, (3, 3), (1, 1), (1, 1), 1),
    "no images": (0, 2, (4, 4), 4, (3, 3), (1, 1), (1, 1), 1),
    "no channels": (2, 0, (4, 4), 4, (3, 3), (1, 1), (1, 1), 1),
    "no output channels": (2, 2, (4, 4), 0, (3, 3), (1, 1), (1, 1), 1),
}


@pytest.mark.parametrize("high", [128, 256])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_single_lookups(case, kernel, high):
    batch, channels, size, out_channels, taps, stride, dilation, groups = case
    x = codes(batch, channels, *size, high=high)
    w = codes(out_channels, channels // groups, *taps, seed=1)
    y = lut_conv(x, w, TABLE, stride=stride, dilation=dilation, groups=groups, kernel=kernel)
    assert y.dtype == torch.int32
    assert y.is_contiguous()
    assert torch.equal(y.long(), looked_up(x, w, TABLE, stride, dilation, groups))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 40)),
    groups=st.integers(1, 3),
)
def test_any_geometry(seed, sizes, kernel, stride, dilation, extra, groups):
    batch, channels, rows = sizes
    size = [d * (k - 1) + 1 + more for d, k, more in zip(dilation, kernel, extra, strict=True)]
    x = codes(batch, channels * groups, *size, seed=seed)
    w = codes(rows * groups, channels, *kernel, seed=seed + 1)
    steps = {"stride": stride, "dilation": dilation, "groups": groups}
    results = [lut_conv(x, w, TABLE, **steps, kernel=name) for name in KERNELS]
    assert torch.equal(results[-1].long(), looked_up(x, w, TABLE, stride, dilation, groups))
    assert all(torch.equal(result, results[-1]) for result in results)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.bad_input("wide-table")
def test_tables_too_wide_for_planes(dtype):
    limit = 2**26 if dtype == torch.int32 else 2**31 - 1
    lut = torch.from_numpy(random_table(2, limit=limit))
    x, w = codes(2, 3, 6, 6), codes(4, 3, 3, 3, seed=1)
    y = lut_conv(x, w, lut, stride=(1, 1), dilation=(1, 1))
    assert y.dtype == dtype
    assert torch.equal(y.long(), looked_up(x, w, lut, (1, 1), (1, 1), 1))


def test_operands_in_any_layout():
    x = codes(2, 6, 5, 3).permute(0, 3, 2, 1)
    w = codes(3, 3, 3, 8, seed=1).permute(3, 0, 1, 2)
    expected = looked_up(x, w, TABLE, (1, 1), (1, 1), 1)
    y = lut_conv(x, w, TABLE.contiguous(), stride=(1, 1), dilation=(1, 1))
    assert torch.equal(y.long(), expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_receptive_fields_in_parts(monkeypatch, kernel):
    monkeypatch.setattr(module, "MOST_RECEPTIVE_FIELD_BYTES", 700)
    x, w = codes(5, 3, 6, 6), codes(4, 3, 3, 3, seed=1)
    y = lut_conv(x, w, TABLE, stride=(1, 1), dilation=(1, 1), kernel=kernel)
    assert torch.equal(y.long(), looked_up(x, w, TABLE, (1, 1), (1, 1), 1))


@pytest.mark.parametrize("kernel", [None, *KERNELS])
@pytest.mark.parametrize("wide", [False, True])
def test_custom_op_is_well_behaved(kernel, wide):
    if wide and kernel not in (None, "portable"):
        return
    x, w = codes(2, 4, 7, 9), codes(6, 2, 3, 3, seed=1)
    arguments = (x, w, TABLE, [2, 1], [1, 2], 2, wide, None, kernel, "auto")
    torch.library.opcheck(torch.ops.torchapprox.lut_conv.default, arguments)


X, W = codes(2, 4, 5, 5), codes(6, 2, 3, 3)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"x": X.int()}, TypeError, r"'x' must be uint8 codes"),
        ({"lut": TABLE.long()}, TypeError, r"'lut' must be int32"),
        ({"x": X[0]}, ValueError, r"must be \(B, C, \*size\).*got \(4, 5, 5\)"),
        ({"stride": (1,)}, ValueError, r"one number for each axis, got .* \(1,\) and \(1, 1\)"),
        ({"stride": (1, 0)}, ValueError, r"at least 1, got \(1, 0\), \(1, 1\) and 2"),
        ({"groups": 4}, ValueError, r"\(N, 4 / 4, \*kernel\).*multiple of 4, got \(6, 2, 3, 3\)"),
        ({"dilation": (1, 3)}, ValueError, r"at least as large as the dilated kernel"),
        ({"kernel": "sse"}, ValueError, r"'kernel' must be one of"),
        ({"x": X.to("meta")}, ValueError, r"must be on one device"),
    ],
)
def test_errors(change, error, match):
    arguments = {"x": X, "w": W, "lut": TABLE, "stride": (1, 1), "dilation": (1, 1), "groups": 2}
    with pytest.raises(error, match=match):
        lut_conv(**(arguments | change))


@pytest.mark.parametrize(("size", "laid_out"), [(1, True), (12, False)])
def test_few_positions_are_laid_out(size, laid_out, monkeypatch):
    """To expand a table for them takes longer than all else, unless its kernel is forced."""
    x, w = codes(1, 512, size, size), codes(16, 512, 1, 1, seed=1)
    taken = []
    lay_out = module._lay_out
    monkeypatch.setattr(module, "_lay_out", lambda *sums: taken.append(lay_out(*sums)))
    monkeypatch.setattr(module, "line_kernels", lambda _: ("expanded",))
    steps = {"stride": (1, 1), "dilation": (1, 1), "engine": "lookup"}
    expected = looked_up(x, w, TABLE, (1, 1), (1, 1), 1)
    assert torch.equal(lut_conv(x, w, TABLE, **steps).long(), expected)
    assert bool(taken) == laid_out
    taken.clear()
    assert torch.equal(lut_conv(x, w, TABLE, kernel="expanded", **steps).long(), expected)
    assert not taken


def test_memory_is_bounded():
    """No receptive fields: at most a copy of the codes, beside the output."""
    import tracemalloc

    x, w = codes(8, 16, 66, 66), codes(4, 16, 3, 3, seed=1)
    for stride in ((1, 1), (2, 2)):
        lut_conv(x, w, TABLE, stride=stride, dilation=(1, 1))  # compiles
        tracemalloc.start()
        lut_conv(x, w, TABLE, stride=stride, dilation=(1, 1))
        _, peak = tracemalloc.get_traced_memory()  # NumPy's arrays; the output is PyTorch's
        tracemalloc.stop()
        assert peak < 1.1 * x.numel()
