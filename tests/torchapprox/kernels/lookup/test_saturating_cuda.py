"""The CUDA kernel of saturating sums: on a device, else in Numba's simulator."""

import numpy as np
import pytest
import torch
from numba import cuda

from tests.torchapprox.builders import random_table
from torchapprox.kernels import saturating_runs_cpu
from torchapprox.kernels.lookup.saturating_cuda import THREADS, saturating_cuda
from torchapprox.operators.lookup.saturating_matmul import saturating_matmul

pytestmark = pytest.mark.cuda

SHAPES = {
    "one output": (1, 1, 1, 1),
    "several blocks of columns": (1, 2, 9, THREADS + 3),
    "groups": (3, 4, 7, 5),
    "nothing to add": (1, 2, 0, 3),
    "no rows": (1, 0, 4, 3),
    "no columns": (1, 3, 4, 0),
    "no groups": (0, 3, 4, 2),
}


@pytest.mark.parametrize("bits", [5, 17, 40])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equals_the_cpu_kernel(shape, bits):
    groups, rows, depth, columns = shape
    source = np.random.default_rng(1)
    table = random_table(3)
    row_codes = source.integers(0, 256, (groups, rows, depth), dtype=np.uint8)
    run_codes = source.integers(0, 256, (groups, depth, columns), dtype=np.uint8)
    limits = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    expected = np.empty((groups, rows, columns), np.int64)
    saturating_runs_cpu(table, row_codes, run_codes, expected, *limits, threads=1)
    out = cuda.to_device(np.full_like(expected, 77))
    saturating_cuda(*map(cuda.to_device, (table, row_codes, run_codes)), out, *limits)
    np.testing.assert_array_equal(out.copy_to_host(), expected)


@pytest.mark.parametrize("bits", [27, 32, 33])
def test_sums_of_the_largest_entries_saturate_and_do_not_wrap(bits):
    table = np.full((256, 256), 2**31 - 1, np.int32)
    table[1] = -(2**31)
    rows = np.array([[[0, 0, 0, 1, 0, 1, 1, 1, 1]]], np.uint8)
    runs = np.zeros((1, 9, 2), np.uint8)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    total = 0
    for row in rows[0, 0]:
        total = min(max(total + int(table[row, 0]), low), high)
    out = cuda.to_device(np.zeros((1, 1, 2), np.int64))
    saturating_cuda(*map(cuda.to_device, (table, rows, runs)), out, low, high)
    assert out.copy_to_host().tolist() == [[[total, total]]]


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device; the simulator takes no tensors"
)
def test_operator_equals_the_cpu():
    x = torch.randint(0, 256, (2, 40, 300), dtype=torch.uint8)
    w = torch.randint(0, 256, (2, 65, 300), dtype=torch.uint8)
    lut = torch.from_numpy(random_table())
    on_device = saturating_matmul(x.cuda(), w.cuda(), lut.cuda(), bits=18)
    assert torch.equal(on_device.cpu(), saturating_matmul(x, w, lut, bits=18))
