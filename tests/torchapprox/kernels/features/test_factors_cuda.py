"""Packing and joining for products by factors: on a device, else in Numba's simulator."""

import itertools

import numpy as np
import pytest
import torch
from numba import cuda

from multipliers import get
from torchapprox import lut_matmul
from torchapprox.kernels.features.factors_cuda import (
    ROWS,
    SPAN,
    join_products_cuda,
    pack_fields_cuda,
    pack_rows_cuda,
)
from torchapprox.kernels.fields import Fields
from torchapprox.operators.lookup.lut_conv import lut_conv

pytestmark = pytest.mark.cuda

DTYPES = {"int8": np.int8, "float32": np.float32, "float64": np.float64}


def on_device(array):
    return cuda.to_device(np.ascontiguousarray(array))


def tables_of(terms, dtype):
    return np.random.default_rng(terms).integers(-128, 128, (terms, 256)).astype(dtype)


def run(pack, tables, place, pitch, *, groups, size, summed):
    """Return features `(G, M + 1, T, D)`, the last row not written, and sums `(G, M)`."""
    terms, (rows, _) = len(tables), size
    packed = tables.dtype == np.int8
    given = tables.view(np.uint8) if packed else tables
    out = np.full((groups, rows + 1, terms * pitch), 99, tables.dtype)
    out = on_device(out.view(np.int32) if packed else out)
    sums = on_device(np.full((-(-pitch // SPAN), groups, rows), 77))
    shift = np.random.default_rng(5).integers(-(2**40), 2**40, 256)
    more = {"shift": on_device(shift), "sums": sums} if summed else {}
    pack(on_device(given), out=out, first=place, size=size, **more)
    found = out.copy_to_host().view(tables.dtype).reshape(groups, rows + 1, terms, pitch)
    return found, sums.copy_to_host().sum(axis=0), shift


def check(found, codes, tables, sums, shift, *, summed):
    """Compare with ``codes (G, M, K)``, looked up by NumPy."""
    rows, depth = codes.shape[1:]
    expected = np.moveaxis(tables[:, codes], 0, 2)
    np.testing.assert_array_equal(found[:, :rows, :, :depth], expected)
    assert not found[:, :rows, :, depth:].any()
    assert (found[:, rows:] == 99).all()
    if summed:
        np.testing.assert_array_equal(sums, shift[codes].sum(axis=2))


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize(
    ("shape", "first", "size", "terms"),
    [
        ((1, 1, 1), (0, 0), (1, 1), 1),
        ((2, 3, 5), (0, 0), (3, 5), 3),
        ((2, ROWS + 2, 9), (1, 2), (ROWS + 1, 6), 2),
        ((1, 4, SPAN + 8), (1, 3), (2, SPAN + 3), 2),
    ],
)
def test_rows(shape, first, size, terms, name):
    codes = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    tables, pitch = tables_of(terms, DTYPES[name]), -(-size[1] // 8) * 8
    summed = name == "int8"

    def pack(given, **more):
        pack_rows_cuda(given, on_device(codes.ravel()), shape, **more)

    found, sums, shift = run(pack, tables, first, pitch, groups=shape[0], size=size, summed=summed)
    part = codes[:, first[0] : first[0] + size[0], first[1] : first[1] + size[1]]
    check(found, part, tables, sums, shift, summed=summed)


@pytest.mark.parametrize("name", ["int8", "float32"])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((1, 2, 3), (1, 1, 1), (1, 1, 1)), ((2, 1, 2), (2, 1, 3), (1, 1, 3))],
)
def test_fields(kernel, stride, dilation, name):
    batch, groups, channels, size = 2, 2, 2, (3, 4, 7)
    source = np.random.default_rng(2)
    images = source.integers(0, 256, (batch, groups, channels, *size), dtype=np.uint8)
    axes = list(zip(size, kernel, stride, dilation, strict=True))
    output = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes)
    seen = [
        [
            [
                images[
                    (
                        b,
                        g,
                        c,
                        *(
                            i * s + t * d
                            for i, s, t, d in zip(p, stride, tap, dilation, strict=True)
                        ),
                    )
                ]
                for c in range(channels)
                for tap in itertools.product(*map(range, kernel))
            ]
            for b in range(batch)
            for p in itertools.product(*map(range, output))
        ]
        for g in range(groups)
    ]
    codes = np.array(seen, np.uint8)
    fields = Fields(batch, channels, size, kernel, stride, dilation, output)
    tables, summed = tables_of(2, DTYPES[name]), name == "int8"

    def pack(given, **more):
        pack_fields_cuda(given, on_device(images.ravel()), fields, groups, **more)

    whole = codes.shape[1:]
    # All of them, and a part that starts within an image and a channel.
    for first, part in (((0, 0), whole), ((3, 2), (whole[0] - 5, whole[1] - 3))):
        pitch = -(-part[1] // 16) * 16
        found, sums, shift = run(
            pack, tables, first, pitch, groups=groups, size=part, summed=summed
        )
        wanted = codes[:, first[0] : first[0] + part[0], first[1] : first[1] + part[1]]
        check(found, wanted, tables, sums, shift, summed=summed)


@pytest.mark.parametrize("overwrite", [True, False], ids=["write", "add"])
@pytest.mark.parametrize("terms", ["none", "rows", "columns", "both"])
@pytest.mark.parametrize(("kind", "sum_type"), [(np.int32, np.int32), (np.float32, np.int64)])
def test_joining(kind, sum_type, terms, overwrite):
    batch, groups, rows, positions, columns, first, group = 3, 3, 3, 5, 9, 4, 1
    source = np.random.default_rng(3)
    products = source.integers(-(2**20), 2**20, (2, rows + 2, columns + 3)).astype(kind)
    row_terms = source.integers(-(2**25), 2**25, (2, rows))
    column_terms = source.integers(-(2**25), 2**25, (2, columns))
    before = source.integers(-9, 9, (batch, groups, rows, positions)).astype(sum_type)
    out = on_device(before)
    with_rows, with_columns = terms in ("rows", "both"), terms in ("columns", "both")
    nothing = np.zeros((0, 0), np.int64)
    join_products_cuda(
        on_device(products), out, weight=-64, overwrite=overwrite, columns=columns, first=first,
        group=group, row_terms=on_device(row_terms if with_rows else nothing),
        column_terms=on_device(column_terms if with_columns else nothing),
    )  # fmt: skip
    expected = before.copy()
    for g, r, m in np.ndindex(2, rows, columns):
        place = (first + m) // positions, group + g, r, (first + m) % positions
        total = -64 * int(products[g, r, m]) + (0 if overwrite else int(before[place]))
        total += int(row_terms[g, r]) * with_rows + int(column_terms[g, m]) * with_columns
        expected[place] = total
    np.testing.assert_array_equal(out.copy_to_host(), expected)


@pytest.mark.parametrize("shape", [(0, 2, 3), (1, 0, 3), (1, 2, 0)])
def test_nothing_to_pack(shape):
    out = on_device(np.full((1, 2, 4), 7, np.int32))
    pack_rows_cuda(
        on_device(np.zeros((1, 256), np.uint8)), on_device(np.zeros(0, np.uint8)), shape, out,
        first=(0, 0), size=shape[1:],
    )  # fmt: skip
    assert (out.copy_to_host() == 7).all()


needs_device = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device; the simulator takes no CUDA tensors"
)
NAMES = ("mul8s_tm_k3", "mul8s_drum4", "mul8u_bam_h0_v4")


@needs_device
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 40, 300), (300, 40, 65), (5, 1000, 7), (64, 32, 16)])
def test_operator_equals_the_cpu(shape, name):
    m, n, k = shape
    x, w = (torch.randint(0, 256, (3, rows, k), dtype=torch.uint8) for rows in (m, n))
    lut = torch.tensor(get(name).lut)
    y = lut_matmul(x.cuda(), w.cuda(), lut.cuda(), engine="factors")
    assert torch.equal(y.cpu(), lut_matmul(x, w, lut))


@needs_device
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_convolution_equals_the_cpu(groups, name):
    x = torch.randint(0, 256, (3, 6, 19, 23), dtype=torch.uint8)
    w = torch.randint(0, 256, (12, 6 // groups, 3, 2), dtype=torch.uint8)
    lut, steps = torch.tensor(get(name).lut), {"stride": (2, 1), "dilation": (1, 3)}
    y = lut_conv(x.cuda(), w.cuda(), lut.cuda(), **steps, groups=groups, engine="factors")
    assert torch.equal(y.cpu(), lut_conv(x, w, lut, **steps, groups=groups))


@needs_device
def test_operator_is_captured_in_a_graph():
    x, w = (torch.randint(0, 256, (64, 32), dtype=torch.uint8).cuda() for _ in range(2))
    lut = torch.tensor(get("mul8u_bam_h0_v4").lut).cuda()
    lut_matmul(x, w, lut, engine="factors")  # compiles, and brings the tables
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = lut_matmul(x, w, lut, engine="factors")
    x.copy_(w)
    graph.replay()
    assert torch.equal(result.cpu(), lut_matmul(w.cpu(), w.cpu(), lut.cpu()))
