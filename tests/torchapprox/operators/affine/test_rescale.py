"""One pass from sums to reals against the separate steps."""

import pytest
import torch

from torchapprox.operators.affine.rescale import rescale


def operands(shape, channels, sums_type, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sums = torch.randint(-(2**31), 2**31, shape, generator=generator).to(sums_type)
    offset = torch.randint(-(2**40), 2**40, channels, generator=generator)
    return sums, offset, torch.rand(channels, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("sums_type", [torch.int32, torch.int64])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("layout", ["rows", "columns", "neither"])
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 1, 1), (3, 17, 33), (1, 70, 1500), (2, 0, 3)])
def test_equals_the_steps(shape, layout, axis, sums_type, dtype):
    channels = shape[1] if axis == 1 else (shape[0], shape[2])
    sums, offset, scale = operands(shape, (channels,) if axis == 1 else channels, sums_type)
    if layout == "columns":
        sums = sums.mT.contiguous().mT
    elif layout == "neither":
        sums = torch.cat([sums, sums], dim=2)[..., : shape[2]]
    by_channel = (1, -1, 1) if axis == 1 else (shape[0], 1, shape[2])
    wide = torch.promote_types(dtype, torch.float32)
    difference = sums.long() - offset.view(by_channel)
    expected = (difference.to(wide) * scale.to(wide).view(by_channel)).to(dtype)
    y = rescale(sums, offset, scale, channel_axis=axis, dtype=dtype)
    assert y.dtype == dtype
    assert y.is_contiguous()
    assert torch.equal(y, expected)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_custom_op_is_well_behaved(axis, transposed):
    sums, offset, scale = operands((2, 3, 4), (3,) if axis == 1 else (2, 4), torch.int32)
    if transposed:
        sums = sums.mT.contiguous().mT
    torch.library.opcheck(torch.ops.torchapprox.rescale.default, (sums, offset, scale, axis))
