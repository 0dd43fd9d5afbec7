"""`backend.approx`: int8 or uint8 codes, one operand batched."""

import numpy as np
import pytest
import torch

from tests.torchapprox.builders import random_table
from torchapprox.operators.backend import approx

LUT = torch.from_numpy(random_table(3))


def operand(*shape, dtype=torch.int8, seed=0):
    info = torch.iinfo(dtype)
    values = np.random.default_rng(seed).integers(info.min, info.max + 1, shape)
    return torch.from_numpy(values).to(dtype)


def by_hand(a, b):
    out = torch.zeros(a.shape[0], b.shape[1], dtype=torch.int32)
    for m in range(a.shape[0]):
        for n in range(b.shape[1]):
            for k in range(a.shape[1]):
                out[m, n] += LUT[int(a[m, k]) % 256, int(b[k, n]) % 256]
    return out


@pytest.mark.parametrize("a_dtype", [torch.int8, torch.uint8])
@pytest.mark.parametrize("b_dtype", [torch.int8, torch.uint8])
def test_batched_first_operand(a_dtype, b_dtype):
    a, b = operand(3, 4, 5, dtype=a_dtype), operand(5, 2, dtype=b_dtype, seed=1)
    y = approx(a, b, LUT)
    assert y.dtype == torch.int32
    assert torch.equal(y, torch.stack([by_hand(matrix, b) for matrix in a]))


@pytest.mark.parametrize("a_dtype", [torch.int8, torch.uint8])
@pytest.mark.parametrize("b_dtype", [torch.int8, torch.uint8])
def test_batched_second_operand(a_dtype, b_dtype):
    a, b = operand(4, 5, dtype=a_dtype), operand(3, 5, 2, dtype=b_dtype, seed=1)
    assert torch.equal(approx(a, b, LUT), torch.stack([by_hand(a, matrix) for matrix in b]))


def test_operands_in_any_layout():
    a, b = operand(5, 4, 3).transpose(0, 2), operand(2, 5, seed=1).T
    assert torch.equal(approx(a, b, LUT)[0], by_hand(a[0], b))


@pytest.mark.parametrize(
    ("a", "b"), [((0, 4, 5), (5, 2)), ((4, 5), (0, 5, 2)), ((2, 0, 5), (5, 3))]
)
def test_empty(a, b):
    y = approx(operand(*a), operand(*b), LUT)
    assert y.numel() == 0
    assert y.dim() == 3


@pytest.mark.parametrize(
    ("a", "b", "error", "match"),
    [
        (operand(4, 5), operand(5, 2), ValueError, r"'a' and 'b' must be .*\(4, 5\) and \(5, 2\)"),
        (operand(2, 4, 5), operand(2, 5, 2), ValueError, r"\(2, 4, 5\) and \(2, 5, 2\)"),
        (operand(2, 4, 5), operand(4, 2), ValueError, r"\(2, 4, 5\) and \(4, 2\)"),
        (operand(2, 4, 5).int(), operand(5, 2), TypeError, r"'a' must be int8 or uint8"),
        (operand(2, 4, 5), operand(5, 2).float(), TypeError, r"'b' must be int8 or uint8"),
    ],
)
def test_errors(a, b, error, match):
    with pytest.raises(error, match=match):
        approx(a, b, LUT)


def test_sums_beyond_int32_are_refused():
    lut = torch.full((256, 256), 2**30, dtype=torch.int32)
    with pytest.raises(OverflowError, match=r"K = 5 may not fit int32; use .*lut_matmul"):
        approx(operand(1, 1, 5), operand(5, 1), lut)
