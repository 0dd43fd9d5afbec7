"""Padding of codes against PyTorch's of numbers."""

import pytest
import torch
from torch.nn import functional as F

from torchapprox.operators.convolution.padding import (
    PADDING_MODES,
    check_margins,
    pad_adjoint,
    pad_codes,
)

GENERATOR = torch.Generator().manual_seed(0)
# From input to margins; the last ones are the most that reflecting or wrapping can give.
SIZES = {
    "one axis": ((7,), ((2, 3),)),
    "one side": ((4, 5), ((0, 2), (1, 0))),
    "three axes": ((3, 4, 5), ((2, 0), (1, 3), (2, 2))),
    "most": ((3, 2), ((2, 2), (1, 1))),
    "nothing": ((3, 2), ((0, 0), (0, 0))),
    "no batch": ((0, 3, 4), ((1, 1), (2, 2))),
}


def torch_pad(x, margins, mode, value=0):
    flat = [side for margin in reversed(margins) for side in margin]
    if mode == "zeros":
        return F.pad(x, flat, value=value)
    return F.pad(x, flat, mode)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize(("size", "margins"), SIZES.values(), ids=SIZES)
def test_as_pytorch_pads(size, margins, mode):
    batch = () if size[0] == 0 else (2,)
    codes = torch.randint(0, 256, (*batch, *size[:-len(margins)], 3, *size[-len(margins):]),
                          generator=GENERATOR).to(torch.uint8)  # fmt: skip
    if size[0] == 0:
        codes = codes.new_empty((0, 3, *size[1:]))
    padded = pad_codes(codes, torch.tensor([-7]), margins, mode)
    assert padded.is_contiguous()
    assert torch.equal(padded.float(), torch_pad(codes.float(), margins, mode, 256 - 7))


@pytest.mark.parametrize("zero_point", [0, 1, 127, 255, -1, -128])
def test_zeros_have_the_code_of_the_zero_point(zero_point):
    codes = torch.zeros(1, 1, 1, dtype=torch.uint8)
    padded = pad_codes(codes, torch.tensor([zero_point]), ((1, 1),), "zeros")
    assert padded.flatten().tolist() == [zero_point % 256, 0, zero_point % 256]


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize(("size", "margins"), SIZES.values(), ids=SIZES)
def test_adjoint(size, margins, mode):
    if size[0] == 0:
        size = size[1:]
    x = torch.randn(2, 3, *size, generator=GENERATOR, dtype=torch.float64, requires_grad=True)
    padded = torch_pad(x, margins, mode)
    grad = torch.randn(padded.shape, generator=GENERATOR, dtype=torch.float64)
    expected = torch.autograd.grad(padded, x, grad)[0]
    torch.testing.assert_close(pad_adjoint(grad, size, margins, mode), expected)


@pytest.mark.parametrize(
    ("mode", "size", "margins", "message"),
    [
        ("reflect", (4, 3), ((3, 3), (3, 0)), "at most 2 for an input of size 3 along axis 1, got"),
        ("circular", (3,), ((0, 4),), "at most 3 for an input of size 3 along axis 0, got 4"),
        ("replicate", (3, 0), ((0, 0), (1, 1)), "'replicate' needs an input, got size 0 along"),
        ("reflect", (0,), ((0, 1),), "'reflect' needs an input, got size 0 along axis 0"),
    ],
)
def test_more_than_there_is_is_refused(mode, size, margins, message):
    with pytest.raises(ValueError, match=message):
        check_margins(size, margins, mode)
    with pytest.raises(RuntimeError, match=r"Padding|Expected"):  # PyTorch refuses it as well
        torch_pad(torch.zeros(1, 1, *size), margins, mode)
