"""Rescaled where they are written, sums of matrices give the bits that a pass over them gives."""

import pytest
import torch

from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.operators.affine.product_terms import ProductTerms
from torchapprox.operators.lookup.lut_matmul import lut_matmul
from torchapprox.operators.lookup.lut_matmul_reals import lut_matmul_reals


def assert_equal_bits(x, w, lut, dtype, *, signed, bias, **options):
    draw = torch.Generator().manual_seed(1)
    size = w.shape[:2]
    terms = ProductTerms(
        torch.tensor([-(2**33) + 5 if signed else 77]),
        torch.rand(size, generator=draw, dtype=dtype),
        signed,
        torch.randn(size, generator=draw, dtype=dtype) if bias else None,
    )
    values = w.contiguous().view(torch.int8).long() if signed else w.long()
    offset = terms.x_zero_point * values.sum(2)
    difference = lut_matmul(x, w, lut, **options) - offset[:, None]
    wanted = difference.to(dtype) * terms.scale[:, None]
    if bias:
        wanted = wanted + terms.bias[:, None]
    got = lut_matmul_reals(x, w, lut, terms, dtype=dtype, **options)
    assert got.dtype == dtype
    assert got.is_contiguous()
    assert torch.equal(got, wanted)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("bits", [8, 16, 30])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize(
    ("groups", "m", "n", "k"),
    [(1, 300, 20, 33), (1, 20, 300, 70), (3, 40, 50, 5), (2, 17, 65, 9), (1, 1, 90, 8),
     (1, 1, 1, 1), (2, 3, 4, 0), (1, 0, 4, 3), (0, 3, 4, 2)],
)  # fmt: skip
def test_bits_of_a_pass_of_its_own(monkeypatch, kernel, bits, layout, groups, m, n, k):
    if kernel == "portable" or bits < 30:  # the others refuse wide entries
        monkeypatch.setenv("TORCHAPPROX_KERNEL", kernel)
    draw = torch.Generator().manual_seed(0)
    lut = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (256, 256), generator=draw).int()
    x, w = (
        torch.randint(256, (groups, rows, k), generator=draw).to(torch.uint8) for rows in (m, n)
    )
    if layout == "columns":
        x, w = x.mT.contiguous().mT, w.mT.contiguous().mT
    for dtype, signed in ((torch.float32, True), (torch.float64, False)):
        assert_equal_bits(x, w, lut, dtype, signed=signed, bias=bits == 16)


def test_factors():
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randint(-50, 50, (256, 1), generator=draw) for _ in range(2))
    x, w = (torch.randint(256, (1, rows, 30), generator=draw).to(torch.uint8) for rows in (40, 50))
    lut = (left @ right.T).to(torch.int32)
    assert_equal_bits(x, w, lut, torch.float32, signed=True, bias=True, engine="factors")
