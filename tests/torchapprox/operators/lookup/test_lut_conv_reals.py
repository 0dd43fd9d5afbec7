"""Rescaled where they are written, sums give the bits that a pass over them gives."""

import pytest
import torch

from torchapprox.kernels.cpu_kernel import available_kernels
from torchapprox.operators.affine.rescale import rescale
from torchapprox.operators.lookup.lut_conv import lut_conv
from torchapprox.operators.lookup.lut_conv_reals import lut_conv_reals


def assert_equal_bits(x, w, lut, steps, dtype):
    draw = torch.Generator().manual_seed(1)
    offset = torch.randint(-(2**33), 2**33, (len(w),), generator=draw)
    offset[::2] %= 1000
    scale = torch.rand(len(w), generator=draw, dtype=dtype)
    sums = lut_conv(x, w, lut, **steps)
    wanted = rescale(sums.flatten(2), offset, scale, channel_axis=1, dtype=dtype)
    got = lut_conv_reals(x, w, lut, offset, scale, **steps)
    assert got.dtype == dtype
    assert torch.equal(got, wanted.view(sums.shape))


@pytest.mark.parametrize("kernel", ["vbmi", "portable"])
@pytest.mark.parametrize(
    ("x", "w", "stride", "dilation", "groups"),
    [
        ((2, 6, 9, 11), (5, 6, 3, 3), (1, 1), (1, 1), 1),
        ((3, 4, 19, 70), (70, 4, 3, 2), (2, 2), (1, 2), 1),
        ((2, 6, 9, 11), (6, 1, 3, 3), (1, 1), (1, 1), 6),
        ((2, 6, 9, 70), (12, 3, 2, 2), (1, 2), (2, 1), 2),
        ((2, 5, 300), (7, 5, 1), (1,), (1,), 1),
        ((1, 2, 5, 6, 7), (3, 2, 2, 2, 2), (1, 2, 1), (1, 1, 2), 1),
    ],
)
@pytest.mark.parametrize("bits", [8, 16, 30])
def test_bits_of_a_pass_of_its_own(monkeypatch, kernel, x, w, stride, dilation, groups, bits):
    if kernel not in available_kernels():
        pytest.skip("this CPU lacks AVX-512 VBMI")
    if (kernel, bits) != ("vbmi", 30):  # which that kernel refuses: left to the choice
        monkeypatch.setenv("TORCHAPPROX_KERNEL", kernel)
    draw = torch.Generator().manual_seed(0)
    lut = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (256, 256), generator=draw)
    codes = [torch.randint(256, size, generator=draw).to(torch.uint8) for size in (x, w)]
    steps = {"stride": stride, "dilation": dilation, "groups": groups}
    for dtype in (torch.float32, torch.float64):
        assert_equal_bits(*codes, lut.to(torch.int32), steps, dtype)


def test_factors():
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randint(-50, 50, (256, 1), generator=draw) for _ in range(2))
    x = torch.randint(256, (2, 3, 8, 8), generator=draw).to(torch.uint8)
    w = torch.randint(256, (4, 3, 3, 3), generator=draw).to(torch.uint8)
    steps = {"stride": (1, 1), "dilation": (1, 1), "engine": "factors"}
    assert_equal_bits(x, w, (left @ right.T).to(torch.int32), steps, torch.float32)
