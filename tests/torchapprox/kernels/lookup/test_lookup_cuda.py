"""The CUDA kernels: on a device where there is one, else on NumPy arrays in Numba's simulator."""

import itertools

import numpy as np
import pytest
import torch
from numba import cuda

from tests.torchapprox.builders import converted_cnn, images, random_multiplier, random_table
from torchapprox import lut_matmul
from torchapprox.kernels.fields import Fields
from torchapprox.kernels.lookup.lookup_cuda import (
    COLUMNS,
    MOST_PAIRS,
    STAGED,
    THREADS,
    WARP,
    lookup_cuda,
)
from torchapprox.operators.lookup.device_table import table_image

pytestmark = pytest.mark.cuda

needs_device = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device; the simulator takes no CUDA tensors"
)

DEPTH = STAGED // MOST_PAIRS
ROWS = 2 * MOST_PAIRS
SHAPES = {
    "one output": (1, 1, 1, 1),
    "one pair of rows": (1, 2, STAGED + 1, 3),
    "an odd row": (1, 3, 5, 7),
    "several blocks of rows": (1, 2 * ROWS + 1, 3, 4),
    "several blocks of columns": (1, 2, 3, THREADS + 3),
    "several tiles of depth": (1, 3, 2 * DEPTH + 1, 3),
    "groups": (3, ROWS + 1, 4, 5),
    "nothing to add": (1, 2, 0, 3),
    "no rows": (1, 0, 4, 3),
    "no columns": (1, 3, 4, 0),
    "no groups": (0, 3, 4, 2),
}
TABLES = {  # least entry, greatest entry + 1, type of the sums, whether there is an image
    "image": (-(2**15), 2**15, np.int32, True),
    "image of an unsigned table": (3, 2**16 + 3, np.int32, True),
    "table": (-(2**20), 2**20, np.int32, False),
    "table with wide sums": (-(2**31), 2**31, np.int64, False),
}


def on_device(array):
    return cuda.to_device(np.ascontiguousarray(array))


def run(table, rows, codes, fields, shape, sums, packed):
    """Return what the kernel writes, with sums of another content before."""
    out = cuda.to_device(np.full(int(np.prod(shape)), 77, sums))
    source, least = on_device(table), None
    if packed:
        least = int(table.min())
        source = on_device(table_image(torch.from_numpy(table), least).numpy())
    lookup_cuda(source, on_device(rows), on_device(codes.ravel()), fields, out, least=least)
    return out.copy_to_host().reshape(shape)


@pytest.mark.parametrize(("low", "high", "sums", "packed"), TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_matrix_products(shape, low, high, sums, packed):
    groups, rows, depth, columns = shape
    source = np.random.default_rng(1)
    table = source.integers(low, high, (256, 256)).astype(np.int32)
    row_codes = source.integers(0, 256, (groups, rows, depth), dtype=np.uint8)
    codes = source.integers(0, 256, (groups, depth, columns), dtype=np.uint8)
    each = table[row_codes[:, :, :, None], codes[:, None]].astype(np.int64)
    fields = Fields.of_matrix(depth, columns)
    out = run(table, row_codes, codes, fields, (groups, rows, columns), sums, packed)
    np.testing.assert_array_equal(out, each.sum(axis=2))


@pytest.mark.parametrize("shape", [(2, ROWS + 1, 5, COLUMNS * WARP + 3), (2, 1, 3, 7)])
def test_several_columns_a_thread(shape, monkeypatch):
    monkeypatch.setattr("torchapprox.kernels.lookup.lookup_cuda.ENOUGH_BLOCKS", 1)
    for low, high, sums, packed in TABLES.values():
        test_matrix_products(shape, low, high, sums, packed)


@pytest.mark.parametrize("packed", [True, False], ids=["image", "table"])
@pytest.mark.parametrize(
    ("rows", "kernel", "stride", "dilation"),
    [
        (3, (1, 2, 3), (1, 1, 1), (1, 1, 1)),
        (1, (1, 3, 3), (1, 2, 1), (1, 1, 2)),
        (2, (2, 1, 2), (2, 1, 3), (1, 1, 3)),
        (5, (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    ],
)
def test_receptive_fields_are_read_in_place(rows, kernel, stride, dilation, packed):
    batch, groups, channels, size = 2, 2, 2, (3, 5, 8)
    source = np.random.default_rng(2)
    table = source.integers(-(2**15), 2**15, (256, 256)).astype(np.int32)
    codes = source.integers(0, 256, (batch, groups, channels, *size), dtype=np.uint8)
    weights = source.integers(0, 256, (groups, rows, channels, *kernel), dtype=np.uint8)
    output = tuple(
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    )
    expected = np.zeros((batch, groups, rows, *output), np.int64)
    for *place, c in itertools.product(*map(range, expected.shape), range(channels)):
        b, g, r, *p = place
        for tap in itertools.product(*map(range, kernel)):
            at = [i * s + t * d for i, s, t, d in zip(p, stride, tap, dilation, strict=True)]
            code, weight = codes[(b, g, c, *at)], weights[(g, r, c, *tap)]
            expected[tuple(place)] += int(table[weight, code])
    fields = Fields(batch, channels, size, kernel, stride, dilation, output)
    flat = weights.reshape(groups, rows, -1)
    out = run(table, flat, codes, fields, expected.shape, np.int32, packed)
    np.testing.assert_array_equal(out, expected)


@needs_device
@pytest.mark.parametrize("shape", [(1, 40, 300), (300, 40, 65), (5, 1000, 7), (4000, 300, 9)])
@pytest.mark.parametrize("limit", [2**15 - 1, 2**20, 2**30])
def test_operator_equals_the_cpu(shape, limit):
    m, n, k = shape
    x = torch.randint(0, 256, (m, k), dtype=torch.uint8)
    w = torch.randint(0, 256, (n, k), dtype=torch.uint8)
    lut = torch.from_numpy(random_table(limit=limit))
    on_device = lut_matmul(x.cuda(), w.cuda(), lut.cuda())
    assert torch.equal(on_device.cpu(), lut_matmul(x, w, lut))


@needs_device
def test_sums_that_pass_32_bits_on_the_way_are_right():
    x = torch.full((2, 70_000), 255, dtype=torch.uint8)
    lut = torch.full((256, 256), 30_000, dtype=torch.int32)
    lut[0, 0] = -30_000  # so that the image's entries are 60,000
    y = lut_matmul(x.cuda(), x.cuda(), lut.cuda(), lut_range=(-30_000, 30_000))
    assert y.dtype == torch.int32
    assert (y == 70_000 * 30_000).all()


@needs_device
def test_operator_follows_the_current_stream():
    x = torch.randint(0, 256, (256, 64), dtype=torch.uint8)
    lut = torch.from_numpy(random_table())
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        result = lut_matmul(x.cuda(), x.cuda(), lut.cuda())
    stream.synchronize()
    assert torch.equal(result.cpu(), lut_matmul(x, x, lut))


@needs_device
def test_operator_is_captured_in_a_graph():
    x, w = (torch.randint(0, 256, (64, 32), dtype=torch.uint8).cuda() for _ in range(2))
    lut, known = torch.from_numpy(random_table()).cuda(), (-(2**15), 2**15 - 1)
    lut_matmul(x, w, lut, lut_range=known)  # compiles
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = lut_matmul(x, w, lut, lut_range=known)
    x.copy_(w)
    graph.replay()
    assert torch.equal(result.cpu(), lut_matmul(w.cpu(), w.cpu(), lut.cpu()))


@needs_device
def test_model_equals_the_cpu():
    model = converted_cnn(random_multiplier(limit=2**10))
    expected = model(images())
    torch.testing.assert_close(model.cuda()(images().cuda()).cpu(), expected)
