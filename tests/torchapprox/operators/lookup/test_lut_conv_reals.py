"""Rescaled where they are written, sums give the bits that a pass over them gives."""

import pytest
import torch

from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.lookup import lut_conv as sums_module
from torchapprox.operators.lookup import lut_conv_reals as module
from torchapprox.operators.lookup.lut_conv import lut_conv
from torchapprox.operators.lookup.lut_conv_reals import lut_conv_reals


def terms_for(w, dtype, *, signed, bias):
    draw = torch.Generator().manual_seed(1)
    return ProductTerms(
        torch.tensor([-(2**33) + 5 if signed else 77]),
        torch.rand(len(w), generator=draw, dtype=dtype),
        signed,
        torch.randn(len(w), generator=draw, dtype=dtype) if bias else None,
    )


def integers(w, *, signed):
    return w.view(torch.int8).long() if signed else w.long()


def assert_equal_bits(x, w, lut, steps, dtype, *, signed, bias):
    terms = terms_for(w, dtype, signed=signed, bias=bias)
    sums = lut_conv(x, w, lut, **steps)
    offset = terms.x_zero_point * integers(w, signed=signed).flatten(1).sum(1)
    by_channel = (-1, *[1] * (x.dim() - 2))
    wanted = (sums - offset.view(by_channel)).to(dtype) * terms.scale.view(by_channel)
    if bias:
        wanted = wanted + terms.bias.view(by_channel)
    got = lut_conv_reals(x, w, lut, terms, dtype=dtype, **steps)
    assert got.dtype == dtype
    assert got.is_contiguous()
    assert torch.equal(got, wanted)


@pytest.mark.parametrize("kernel", available_kernels())
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
    if kernel == "portable" or bits < 30:  # the others refuse wide entries
        monkeypatch.setenv("TORCHAPPROX_KERNEL", kernel)
    draw = torch.Generator().manual_seed(0)
    lut = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (256, 256), generator=draw)
    codes = [torch.randint(256, size, generator=draw).to(torch.uint8) for size in (x, w)]
    steps = {"stride": stride, "dilation": dilation, "groups": groups}
    for dtype, signed in ((torch.float32, True), (torch.float64, False)):
        options = {"signed": signed, "bias": bits == 16}
        assert_equal_bits(*codes, lut.to(torch.int32), steps, dtype, **options)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("x", "w", "stride", "dilation", "groups"),
    [
        ((4, 20, 3, 3), (70, 20, 1, 1), (1, 1), (1, 1), 1),
        ((5, 6, 5, 9), (36, 3, 3, 2), (2, 1), (1, 3), 2),
        ((3, 8, 7), (33, 8, 3), (2,), (2,), 1),
        ((2, 6, 5, 4), (6, 1, 3, 3), (1, 1), (1, 1), 6),
    ],
)
def test_bits_of_receptive_fields_that_are_laid_out(
    monkeypatch, x, w, stride, dilation, groups, threads
):
    """Whichever operand selects rows, for some images at a time."""
    monkeypatch.setattr(module, "read_in_place", lambda *_: False)
    monkeypatch.setattr(sums_module, "MOST_RECEPTIVE_FIELD_BYTES", 1500)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    filled = []
    fill = module.laid_out_reals
    monkeypatch.setattr(module, "laid_out_reals", lambda *a: filled.append(fill(*a)) or filled[-1])
    draw = torch.Generator().manual_seed(2)
    lut = torch.randint(-(2**15), 2**15, (256, 256), generator=draw).to(torch.int32)
    codes = [torch.randint(256, size, generator=draw).to(torch.uint8) for size in (x, w)]
    steps = {"stride": stride, "dilation": dilation, "groups": groups, "engine": "lookup"}
    assert_equal_bits(*codes, lut, steps, torch.float32, signed=True, bias=True)
    assert filled == [available_kernels()[0] != "portable"]


def test_factors():
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randint(-50, 50, (256, 1), generator=draw) for _ in range(2))
    x = torch.randint(256, (2, 3, 8, 8), generator=draw).to(torch.uint8)
    w = torch.randint(256, (4, 3, 3, 3), generator=draw).to(torch.uint8)
    steps = {"stride": (1, 1), "dilation": (1, 1), "engine": "factors"}
    lut = (left @ right.T).to(torch.int32)
    assert_equal_bits(x, w, lut, steps, torch.float32, signed=True, bias=True)
