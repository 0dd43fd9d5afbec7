"""Features of codes against plain indexing."""

import numpy as np
import pytest

from torchapprox.kernels import features_cpu, lay_out_cpu, map_codes_cpu, sum_mapped_cpu
from torchapprox.kernels.cpu_kernel import available_kernels

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", ["portable", "fastest"])
@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 63), (2, 64), (5, 65), (1, 20_000), (700, 40), (0, 3)]
)
def test_maps(kernel, dtype, shape, monkeypatch):
    if kernel == "portable":
        monkeypatch.setattr(features_cpu, "available_kernels", lambda: ("portable",))
    codes = GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    tables = GENERATOR.integers(-128, 128, (3, 256)).astype(dtype)
    out = np.empty((shape[0], 3, shape[1]), dtype)
    map_codes_cpu(codes, tables, out, threads=2)
    assert np.array_equal(out, tables[:, codes].swapaxes(0, 1))


def test_large_maps_are_shared_among_threads():
    codes = GENERATOR.integers(0, 256, (3, 1_000_001), dtype=np.uint8)
    tables = GENERATOR.integers(-128, 128, (2, 256)).astype(np.int8)
    out = np.empty((3, 2, codes.shape[1]), np.int8)
    map_codes_cpu(codes, tables, out, threads=4)
    assert np.array_equal(out, tables[:, codes].swapaxes(0, 1))


@pytest.mark.parametrize("shape", [(1, 0), (4, 1), (3, 1000), (0, 5)])
def test_sums(shape):
    codes = GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    table = GENERATOR.integers(-(2**40), 2**40, 256)
    out = np.empty(shape[0], np.int64)
    sum_mapped_cpu(codes, table, out, threads=2)
    assert np.array_equal(out, table[codes].sum(axis=1))


@pytest.mark.parametrize("lines", [[0], [0, 7, 3], []])
@pytest.mark.parametrize("length", [1, 16, 65])
def test_layouts(lines, length):
    maps = GENERATOR.integers(-128, 128, (3, 300), dtype=np.int8)
    starts, lines = np.array([0, 5, 211]), np.array(lines, np.int64)
    out = np.empty((3, 3, len(lines) * length), np.int8)
    lay_out_cpu(maps, starts, lines, out, threads=2)
    for row, start in enumerate(starts):
        wanted = [maps[:, start + line : start + line + length] for line in lines]
        assert np.array_equal(out[row], np.concatenate([maps[:, :0], *wanted], axis=1))


def test_the_fast_maps_need_the_same_processor_as_the_fast_look_ups():
    assert "vbmi" not in available_kernels() or available_kernels()[0] == "vbmi"
