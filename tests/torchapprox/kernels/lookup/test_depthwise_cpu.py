"""The kernel for depthwise convolutions, against sums of Python integers."""

import ctypes
import itertools

import numpy as np
import pytest

from tests.torchapprox.builders import random_table
from torchapprox.kernels import lookup_depthwise_cpu
from torchapprox.kernels.compiling.cpu_kernel import compiles
from torchapprox.kernels.lookup import depthwise_cpu
from torchapprox.kernels.lookup.depthwise_tiles import add_fields
from torchapprox.kernels.lookup.table_planes import HIGH, LOW, SPLITS, WHOLE, split_table
from torchapprox.kernels.results.sum_places import Rescaling
from torchapprox.operators.convolution.channel_lines import channel_lines
from torchapprox.operators.convolution.conv_lines import ConvShape

pytestmark = pytest.mark.skipif(not compiles(), reason="needs Numba's compiler")

RANGES = {LOW: (0, 128), HIGH: (128, 256), WHOLE: (0, 256)}
# Codes, weights, stride, dilation and groups.
CONVOLUTIONS = [
    ((2, 3, 5, 5), (3, 1, 3, 3), (1, 1), (1, 1), 3),
    ((3, 2, 9, 21), (4, 1, 3, 3), (2, 2), (1, 1), 2),
    ((1, 4, 12, 9), (4, 1, 5, 2), (1, 2), (1, 3), 4),
    ((2, 4, 17, 4), (6, 2, 7, 1), (3, 1), (2, 1), 2),
    ((1, 2, 3, 70), (2, 1, 1, 9), (1, 1), (1, 2), 2),
    ((2, 3, 90), (3, 1, 4), (2,), (3,), 3),
    ((1, 2, 4, 6, 7), (2, 1, 2, 4, 3), (2, 1, 1), (1, 1, 2), 2),
]


def convolved(table, x, w, shape):
    """Sums of Python integers, `(B, N, *output)`."""
    out = np.empty((shape.batch, shape.out_channels, *shape.output_size), np.int64)
    per_group = shape.channels // shape.groups
    for place in np.ndindex(*out.shape):
        image, n, *position = place
        total = 0
        for c, *tap in itertools.product(range(per_group), *map(range, shape.kernel)):
            at = (
                i * stride + t * dilation
                for i, stride, t, dilation in zip(
                    position, shape.stride, tap, shape.dilation, strict=True
                )
            )
            code = x[(image, n // shape.rows * per_group + c, *at)]
            total += int(table[w[(n, c, *tap)], code])
        out[place] = total
    return out


def looked_up(table, x, w, shape, columns, *, threads=1, kind=np.int32, rescaling=None):
    planes = split_table(table, columns, SPLITS["expanded"])
    out = np.full((shape.batch, shape.out_channels, *shape.output_size), 77, kind)
    weights = w.reshape(shape.out_channels, shape.depth)
    operands = planes, weights, x.reshape(-1), channel_lines(shape), out.reshape(-1)
    lookup_depthwise_cpu(*operands, rescaling, threads=threads)
    return out


def draw(sizes, columns, seed=1):
    x, w, *steps = sizes
    source = np.random.default_rng(seed)
    codes = source.integers(*RANGES[columns], x, dtype=np.uint8)
    weights = source.integers(0, 256, w, dtype=np.uint8)
    return codes, weights, ConvShape.of(x, w, *steps)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("columns", RANGES)
@pytest.mark.parametrize("sizes", CONVOLUTIONS)
def test_equals_sums_of_integers(sizes, columns, threads, monkeypatch):
    table = random_table(3, limit=2**15)
    x, w, shape = draw(sizes, columns)
    expected = convolved(table, x, w, shape)
    for words in (2048, 40, 1):  # of a tile
        monkeypatch.setattr(depthwise_cpu, "_WORDS", words)
        monkeypatch.setattr(depthwise_cpu, "_SMALL", 0)
        got = looked_up(table, x, w, shape, columns, threads=threads)
        assert np.array_equal(got, expected)


def test_fields_hold_the_greatest_sums():
    """Of as many columns as there may be, all entries but one the greatest of 16 bits."""
    table = np.full((256, 256), 2**16 - 1, np.int32)
    table[:, 0] = 0
    steps = (1, 1), (1, 1), 1
    x = np.full((1, 1, 8, 40), 255, np.uint8)
    w = np.arange(6 * depthwise_cpu.COLUMNS, dtype=np.uint8).reshape(1, 1, 6, -1)
    shape = ConvShape.of(x.shape, w.shape, *steps)
    expected = convolved(table, x, w, shape)
    assert np.array_equal(looked_up(table, x, w, shape, WHOLE), expected)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_real_numbers(kind):
    table = random_table(5, limit=2**15)
    x, w, shape = draw(CONVOLUTIONS[1], WHOLE)
    source = np.random.default_rng(2)
    n = shape.out_channels
    offset = source.integers(-(2**20), 2**20, n).astype(np.float64)
    scale, bias = (source.normal(size=n).astype(kind) for _ in range(2))
    terms = Rescaling(offset, scale, bias, of_rows=True)
    got = looked_up(table, x, w, shape, WHOLE, kind=kind, rescaling=terms)
    by_channel = (n, 1, 1)
    exact = convolved(table, x, w, shape) - offset.reshape(by_channel)
    wanted = exact.astype(kind) * scale.reshape(by_channel) + bias.reshape(by_channel)
    assert np.array_equal(got, wanted)


@pytest.mark.parametrize("in_python", [True, False])
@pytest.mark.parametrize("used", [1, 2, 3])
@pytest.mark.parametrize(("down", "hop"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_fields_of_words_are_added_to_lines_of_sums(down, hop, used, in_python):
    source, lines, length = np.random.default_rng(used), 4, 5
    fields = source.integers(0, 2**21, (3, (lines - 1) * hop + 2 * down + 1, length))
    words = sum(fields[j].astype(np.uint64) << np.uint64(21 * j) for j in range(3))
    sums = source.integers(-(2**30), 2**30, (lines, length)).astype(np.int32)
    wanted = sums + sum(
        fields[j, j * down : j * down + (lines - 1) * hop + 1 : hop] for j in range(used)
    )
    sizes = used, down, hop
    if in_python:
        add_fields.function(words.reshape(-1), *sizes, sums.reshape(-1), lines, length)
    else:
        add = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 7)(add_fields.address)
        add(words.ctypes.data, *sizes, sums.ctypes.data, lines, length)
    assert np.array_equal(sums, wanted)
