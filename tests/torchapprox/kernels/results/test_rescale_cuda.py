"""The CUDA kernels of the way back to real numbers: in Numba's simulator, against the CPU."""

import pytest
import torch

from tests.torchapprox.simulated_cuda import launches, needs_simulator, simulated_cuda
from torchapprox.kernels.results.rescale_cuda import SIDE
from torchapprox.operators.affine.rescale import rescale

pytestmark = [pytest.mark.cuda, needs_simulator]


def drawn(shape, limit, dtype=torch.int64):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-limit, limit, shape, generator=generator).to(dtype)


SUMS = {"int32": (2**31 - 1, torch.int32), "int64": (2**50, torch.int64)}


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize(("limit", "kind"), SUMS.values(), ids=SUMS)
@pytest.mark.parametrize("layout", ["rows", "columns", "transposed"])
def test_equals_the_cpu(layout, limit, kind, dtype, centred):
    rows = layout == "rows"
    shape = (2, 4, 9) if rows else (2, 5, SIDE + 3)
    sums = drawn(shape, limit, kind)
    if layout == "transposed":
        sums = sums.mT.contiguous().mT
    channels = (4,) if rows else (2, SIDE + 3)
    scale = drawn(channels, 1000).to(torch.float32) / 3e10
    arguments = {"channel_axis": 1 if rows else 2, "dtype": dtype}
    if not centred:
        arguments["x_sums"] = drawn((2, 2, 9) if rows else (2, 5), 2**20)
        arguments["w_zero_point"] = drawn(channels, 128)
    offset = drawn(channels, 2**40)
    expected = rescale(sums, offset, scale, **arguments)
    launches.clear()
    with simulated_cuda(may_wait=False):
        reals = rescale(sums, offset, scale, **arguments)
    assert launches == ["rescale"]
    assert reals.is_contiguous()
    assert torch.equal(reals, expected)


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0), (1, 0, 3)])
@pytest.mark.parametrize("axis", [1, 2])
def test_nothing_to_rescale(shape, axis):
    channels = shape[1:2] if axis == 1 else (shape[0], shape[2])
    offset, scale = torch.zeros(channels, dtype=torch.int64), torch.ones(channels)
    sums = torch.zeros(shape, dtype=torch.int32)
    with simulated_cuda():
        y = rescale(sums, offset, scale, channel_axis=axis, dtype=torch.float32)
    assert y.shape == shape
