"""From fake-quantised values to operand codes."""

import pytest
import torch

from torchapprox.operators.affine.codes import SIGNED, UNSIGNED, data_range, to_codes

ONE, ZERO = torch.tensor([1.0]), torch.tensor([0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("scale", [0.037, 1.0, 3.3, 1e-4])
@pytest.mark.parametrize("zero_point", [0, -128, 127, 5])
def test_every_signed_value_in_every_precision(dtype, scale, zero_point):
    q = torch.arange(-128, 128)
    scale = torch.tensor([scale])
    values = (scale * (q - zero_point)).to(dtype)
    codes = to_codes(values, scale, torch.tensor([zero_point]), SIGNED)
    assert torch.equal(codes.long(), q % 256)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("zero_point", [0, 77, 255])
def test_every_unsigned_value_in_every_precision(dtype, zero_point):
    q = torch.arange(256)
    scale = torch.tensor([0.037])
    values = (scale * (q - zero_point)).to(dtype)
    codes = to_codes(values, scale, torch.tensor([zero_point]), UNSIGNED)
    assert torch.equal(codes.long(), q)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scale_of_low_precision(dtype):
    q = torch.arange(-128, 128)
    scale = torch.tensor([0.037], dtype=dtype)
    values = (scale.float() * q).to(dtype)
    assert torch.equal(to_codes(values, scale, ZERO, SIGNED).long(), q % 256)


def test_scale_and_zero_point_per_channel():
    values = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    codes = to_codes(values, torch.tensor([[1.0], [0.5]]), torch.tensor([[0], [-7]]), SIGNED)
    assert codes.tolist() == [[1, 2], [251, 253]]


@pytest.mark.parametrize(
    ("value", "allowed", "match"),
    [
        (128.0, SIGNED, r"operand values must lie in -128\.\.127.*got 128\.\.128"),
        (-129.0, SIGNED, r"got -129\.\.-129"),
        (-1.0, UNSIGNED, r"must lie in 0\.\.255.*got -1\.\.-1"),
        (256.0, UNSIGNED, r"got 256\.\.256"),
        (float("nan"), UNSIGNED, "got nan"),
        (float("inf"), UNSIGNED, "got inf"),
    ],
)
def test_values_beyond_the_port(value, allowed, match):
    with pytest.raises(ValueError, match=match):
        to_codes(torch.tensor([value]), ONE, ZERO, allowed)


def test_one_nan_among_many_is_found():
    values = torch.zeros(1000)
    values[567] = float("nan")
    with pytest.raises(ValueError, match="got nan"):
        to_codes(values, ONE, ZERO, SIGNED)


def test_nothing_has_no_codes():
    assert to_codes(torch.zeros(0, 3), ONE, ZERO).shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "expected"), [([0.0, 200.0], UNSIGNED), ([-1.0, 3.0], SIGNED), ([], UNSIGNED)]
)
def test_range_of_data(values, expected):
    assert data_range(torch.tensor(values), ONE, ZERO) == expected


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_custom_op_is_well_behaved(memory_format, dtype):
    values = torch.arange(48.0, dtype=dtype).view(2, 3, 2, 4).to(memory_format=memory_format)
    scale, zero_point = torch.ones(3, 1, 1), torch.zeros(3, 1, 1, dtype=torch.int32)
    for arguments in ((values, ONE, ZERO, 0, 255), (values, scale, zero_point, -128, 127)):
        torch.library.opcheck(torch.ops.torchapprox.to_codes.default, arguments)
