"""Kernels that read lines of codes, against sums of Python integers and the portable kernel."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torchapprox.builders import random_table
from torchapprox.kernels import lookup_lines_cpu, lookup_runs_cpu
from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.kernels.lookup import expanded_cpu
from torchapprox.kernels.lookup.code_lines import DEPTH, ROWS, CodeLines
from torchapprox.kernels.lookup.expanded_cpu import BLOCK, TILE
from torchapprox.kernels.lookup.table_planes import (
    HIGH,
    LOW,
    SPLITS,
    WHOLE,
    columns_of,
    split_table,
)
from torchapprox.kernels.results.sum_places import SumPlaces
from torchapprox.operators.convolution.conv_lines import by_phase

KERNELS = [name for name in available_kernels() if name != "portable"]

RANGES = {LOW: (0, 128), HIGH: (128, 256), WHOLE: (0, 256)}
SHAPES = [
    (1, 1, 1, 1),
    (1, 1, 64, 1),
    (2, 3, 65, 15),
    (1, 4, 256, DEPTH),
    (3, 5, 257, DEPTH + 1),
    (1, 9, 130, 2 * DEPTH + 63),
    (1, ROWS + 3, 70, 3),
    (2, 2, 700, 17),
    (1, 3, 40, 400),
    (2, 3, 5, 0),
    (1, BLOCK + 17, TILE + 3, 6),
    (2, 33, 2 * TILE + 1, DEPTH + 1),
]


def table_of(bits, seed=0):
    """A random table whose rows' ranges reach the bits' limit exactly, at random levels."""
    source = np.random.default_rng(seed)
    entries = source.integers(0, 2**bits, (256, 256))
    entries[:, [5, 200]], entries[:, [77, 255]] = 0, 2**bits - 1  # extremes in either half
    return (entries + source.integers(-(2**24), 2**24, (256, 1))).astype(np.int32)


@pytest.fixture(params=KERNELS)
def kernel(request):
    return request.param


def product(kernel, table, rows, codes, *, order, transposed=False, threads=1):
    planes = split_table(table, columns_of(codes), SPLITS[kernel])
    groups, height, _ = rows.shape
    width = codes.shape[2]
    if order == "vectors":
        lines = CodeLines.of_vectors(np.ascontiguousarray(codes.transpose(0, 2, 1)))
    else:
        lines = CodeLines.of_runs(codes)
    out = np.full(groups * height * width, 77, np.int32)
    row, step = (1, height) if transposed else (width, 1)
    places = SumPlaces(height * width, row, np.zeros(1, np.int64), width, width, step)
    lookup_lines_cpu(planes, rows, lines, out, places, kernel=kernel, threads=threads)
    if transposed:
        return out.reshape(groups, width, height).transpose(0, 2, 1)
    return out.reshape(groups, height, width)


def expected_of(table, rows, codes):
    out = np.empty((*rows.shape[:2], codes.shape[2]), np.int64)
    lookup_runs_cpu(table, rows, codes, out, threads=1)
    return out


def draw(shape, columns, seed=1):
    groups, height, width, depth = shape
    source = np.random.default_rng(seed)
    rows = source.integers(0, 256, (groups, height, depth), dtype=np.uint8)
    codes = source.integers(*RANGES[columns], (groups, depth, width), dtype=np.uint8)
    return rows, codes


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("order", ["runs", "vectors"])
@pytest.mark.parametrize("columns", RANGES)
@pytest.mark.parametrize("bits", [1, 8, 9, 15, 16])
def test_equals_the_portable_kernel(kernel, bits, columns, order, threads):
    table = table_of(bits)
    for shape in SHAPES:
        rows, codes = draw(shape, columns)
        expected = expected_of(table, rows, codes)
        result = product(kernel, table, rows, codes, order=order, threads=threads)
        np.testing.assert_array_equal(result, expected, err_msg=str(shape))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 66, 5), (1, 2, 3, 0)])
def test_equals_python_integers(kernel, shape):
    table = random_table()
    rows, codes = draw(shape, WHOLE)
    expected = [
        [
            [
                sum(int(table[row[k], codes[g, k, m]]) for k in range(codes.shape[1]))
                for m in range(codes.shape[2])
            ]
            for row in rows[g]
        ]
        for g in range(len(rows))
    ]
    assert product(kernel, table, rows, codes, order="runs").tolist() == expected


@pytest.mark.parametrize(
    "shape",
    [(1, 3, 65, 9), (2, 17, 300, 20), (1, 5, 1, 7), (1, 1, 70, 70), (2, BLOCK + 3, TILE + 70, 9)],
)
def test_transposed_result(kernel, shape):
    rows, codes = draw(shape, WHOLE)
    table = table_of(16)
    result = product(kernel, table, rows, codes, order="runs", transposed=True)
    np.testing.assert_array_equal(result, expected_of(table, rows, codes))


@pytest.mark.parametrize("columns", [LOW, WHOLE])
@pytest.mark.parametrize("bits", [15, 16])
def test_lanes_hold_the_largest_entries(kernel, bits, columns):
    """Every byte at its greatest for more steps than the 16-bit lanes hold at once."""
    table = np.zeros((256, 256), np.int32)
    table[:, ::2] = 2**bits - 1
    codes = np.zeros((1, 1000, 130), np.uint8)
    codes[0, :, -1] = 255 if columns == WHOLE else 1
    rows = np.zeros((1, 2, 1000), np.uint8)
    result = product(kernel, table, rows, codes, order="runs")
    assert (result[..., :-1] == 1000 * (2**bits - 1)).all()
    assert (result[..., -1] == 0).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 20), st.integers(1, 40)),
    lines=st.integers(1, 12),
    kernel=st.sampled_from(KERNELS),
    columns=st.sampled_from(sorted(RANGES)),
)
def test_lines_anywhere(seed, sizes, lines, kernel, columns):
    """Codes that taps and lines select from one array, in the manner of a convolution."""
    groups, height, length, depth = sizes
    source = np.random.default_rng(seed)
    size = 400
    array = source.integers(*RANGES[columns], groups * size, dtype=np.uint8)
    taps = source.integers(0, size - 150, depth)
    starts = source.integers(0, 150 - length, lines)
    rows = source.integers(0, 256, (groups, height, depth), dtype=np.uint8)
    positions = (starts[:, None] + np.arange(length)).reshape(-1)
    codes = np.stack([array[g * size + taps[:, None] + positions] for g in range(groups)])
    table = table_of(int(source.integers(1, 17)), seed)
    out = np.full(groups * height * len(positions), 77, np.int32)
    # Every line is an image of its own: out[line, group, row, position].
    starts_of_lines = np.arange(lines) * groups * height * length
    places = SumPlaces(height * length, length, starts_of_lines, length, length, 1)
    planes = split_table(table, columns_of(array), SPLITS[kernel])
    lines_of_codes = CodeLines(array, size, taps, starts, length, 1)
    lookup_lines_cpu(planes, rows, lines_of_codes, out, places, kernel=kernel, threads=2)
    result = out.reshape(lines, groups, height, length).transpose(1, 2, 0, 3)
    expected = expected_of(table, rows, np.ascontiguousarray(codes))
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@pytest.mark.parametrize("depth", [9, DEPTH + 2])
@pytest.mark.parametrize(
    ("length", "pitch", "kept"), [(256, 256, 256), (300, 150, 130), (64, 64, 60)]
)
def test_rows_of_an_image_in_one_line(kernel, length, pitch, kept, depth):
    """Positions between the rows are dropped, wherever the boundaries of tiles lie."""
    groups, height, lines = 2, 5, 3
    source = np.random.default_rng(3)
    size = lines * length + 40
    array = source.integers(0, 256, groups * size, dtype=np.uint8)
    taps = source.integers(0, 40, depth)
    starts = np.arange(lines) * length
    rows = source.integers(0, 256, (groups, height, depth), dtype=np.uint8)
    table = table_of(16)
    held = length // pitch * kept
    places = SumPlaces(
        *(lines * height * held, lines * held, np.arange(lines) * held, pitch, kept, 1)
    )
    out = np.full(groups * height * lines * held, 77, np.int32)
    codes = CodeLines(array, size, taps, starts, length, 1)
    planes = split_table(table, WHOLE, SPLITS[kernel])
    lookup_lines_cpu(planes, rows, codes, out, places, kernel=kernel, threads=2)
    positions = np.arange(lines * length)
    read = np.stack([array[g * size + taps[:, None] + positions] for g in range(groups)])
    expected = expected_of(table, rows, np.ascontiguousarray(read))
    expected = expected[..., positions % length % pitch < kept]
    np.testing.assert_array_equal(out.reshape(expected.shape), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("height", [1, 16, 17, 48, 64, 65, 192, 1000])
@pytest.mark.parametrize("positions", [1, 300, TILE, TILE + 1, 5000])
def test_tiles_of_expanded_tables_cover_a_product(positions, height, groups, threads):
    """None is larger than scratch memory, none is empty, and every thread has one if it can."""
    tile, block = expanded_cpu._partition(groups, height, positions, threads)
    assert 1 <= tile <= TILE
    assert 1 <= block <= BLOCK
    tiles, blocks = -(-positions // tile), -(-height // block)
    assert (tiles - 1) * tile < positions
    assert (blocks - 1) * block < height
    assert block == height or block % expanded_cpu.LANES == 0
    split = groups * min(blocks, -(-height // expanded_cpu.LANES)) * tiles
    assert split >= threads or tile <= expanded_cpu.CHUNK


def test_a_code_stands_for_those_that_are_copied_beside_a_row():
    """A convolution that strides reads rows of one length, whose last codes may not exist."""
    source = np.random.default_rng(5)
    x = source.integers(128, 256, (1, 2, 5, 7), dtype=np.uint8)
    phases = by_phase(x, 2)
    assert phases.min() >= 128
    assert (phases[..., 0, :] == x[..., ::2]).all()
    assert (phases[..., 1, :3] == x[..., 1::2]).all()


_OLDEST = "64bit cmov cx8 fxsr mmx sse sse2 sse3 ssse3 sse4.1 sse4.2 popcnt"
_OLDER = f"{_OLDEST} avx avx2 bmi bmi2 fma"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("cpu", "features"),
    [
        ("nehalem", _OLDEST),
        ("haswell", _OLDER),
        ("skylake-avx512", f"{_OLDER} avx512f avx512bw avx512vl avx512dq"),
    ],
)
def test_machine_code_for_older_cpus(tmp_path, cpu, features):
    settings = {
        "NUMBA_CPU_NAME": cpu,
        "NUMBA_CPU_FEATURES": ",".join(f"+{feature}" for feature in features.split()),
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    tests = "portable_kernel or python_integers or largest_entries or image"
    command = [sys.executable, "-m", "pytest", "-q", "-x", __file__, "-k", tests]
    subprocess.run(command, env=os.environ | settings, check=True)
