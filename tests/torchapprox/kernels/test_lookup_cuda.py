"""The CUDA kernel: on a device where there is one, else on NumPy arrays in Numba's simulator."""

import numpy as np
import pytest
import torch
from numba import cuda

from tests.torchapprox.builders import converted_cnn, images, random_multiplier, random_table
from torchapprox import lut_matmul
from torchapprox.kernels import lookup_runs_cpu
from torchapprox.kernels.lookup_cuda import DEPTH, ROWS, THREADS, lookup_cuda

pytestmark = pytest.mark.cuda

needs_device = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device; the simulator takes no tensors"
)

SHAPES = {
    "one output": (1, 1, 1, 1),
    "less than a block": (1, ROWS - 1, 5, 7),
    "several blocks of rows": (1, 2 * ROWS + 1, 3, 4),
    "several blocks of columns": (1, 2, 3, THREADS + 3),
    "several tiles of depth": (1, 2, 2 * DEPTH + 1, 3),
    "groups": (3, ROWS + 1, 4, 5),
    "nothing to add": (1, 2, 0, 3),
    "no rows": (1, 0, 4, 3),
    "no columns": (1, 3, 4, 0),
    "no groups": (0, 3, 4, 2),
}


@pytest.mark.parametrize("sums", [np.int32, np.int64])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equals_the_cpu_kernel(shape, sums):
    groups, rows, depth, columns = shape
    source = np.random.default_rng(1)
    table = random_table(3, limit=2**31 - 1 if sums is np.int64 else 2**15)
    row_codes = source.integers(0, 256, (groups, rows, depth), dtype=np.uint8)
    run_codes = source.integers(0, 256, (groups, depth, columns), dtype=np.uint8)
    expected = np.empty((groups, rows, columns), sums)
    lookup_runs_cpu(table, row_codes, run_codes, expected, threads=1)
    out = cuda.to_device(np.full_like(expected, 77))
    lookup_cuda(*map(cuda.to_device, (table, row_codes, run_codes)), out)
    np.testing.assert_array_equal(out.copy_to_host(), expected)


@needs_device
@pytest.mark.parametrize("shape", [(1, 40, 300), (300, 40, 65), (5, 1000, 7)])
def test_operator_equals_the_cpu(shape):
    m, n, k = shape
    x = torch.randint(0, 256, (m, k), dtype=torch.uint8)
    w = torch.randint(0, 256, (n, k), dtype=torch.uint8)
    lut = torch.from_numpy(random_table())
    on_device = lut_matmul(x.cuda(), w.cuda(), lut.cuda())
    assert torch.equal(on_device.cpu(), lut_matmul(x, w, lut))


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
def test_model_equals_the_cpu():
    model = converted_cnn(random_multiplier(limit=2**10))
    expected = model(images())
    torch.testing.assert_close(model.cuda()(images().cuda()).cpu(), expected)
