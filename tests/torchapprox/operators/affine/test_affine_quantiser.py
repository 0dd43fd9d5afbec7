"""The one-pass quantiser against PyTorch's fake-quantisers and against plain fractions."""

from fractions import Fraction

import pytest
import torch

from tests.torchapprox.oracle import quantise
from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.scale_rows import by_plane
from torchapprox.operators.library_op import OPERATORS

LIMITS = [(0, 127), (-128, 127), (0, 255), (-8, 7), (-127, 127)]


def tensor_quantiser(limits, *, scale=0.037, zero_point=None):
    zero_point = limits[0] + 3 if zero_point is None else zero_point
    return AffineQuantiser(torch.tensor(scale), torch.tensor(zero_point), limits)


def channel_quantiser(limits, channels, dims, axis=0):
    generator = torch.Generator().manual_seed(channels)
    shape = [channels if number == axis else 1 for number in range(dims)]
    scale = torch.rand(channels, generator=generator) * 0.1 + 0.01
    zero_point = torch.randint(limits[0], limits[1] + 1, (channels,), generator=generator)
    return AffineQuantiser(scale.view(shape), zero_point.view(shape), limits)


def fake_quantised(quantiser, values, axis):
    low, high = quantiser.limits
    if quantiser.scale.numel() == 1:
        return torch.fake_quantize_per_tensor_affine(
            values, quantiser.scale, quantiser.zero_point.int(), low, high
        )
    return torch.fake_quantize_per_channel_affine(
        values, quantiser.scale.view(-1), quantiser.zero_point.view(-1).int(), axis, low, high
    )


CASES = {
    "tensor": (tensor_quantiser, (7, 11), 0),
    "scalar": (tensor_quantiser, (), 0),
    "image": (tensor_quantiser, (2, 3, 5, 4), 0),
    "neurons": (lambda limits: channel_quantiser(limits, 6, 2), (6, 33), 0),
    "kernels": (lambda limits: channel_quantiser(limits, 5, 4), (5, 3, 2, 2), 0),
    "transposed": (lambda limits: channel_quantiser(limits, 5, 4, axis=1), (3, 5, 2, 2), 1),
    "empty": (lambda limits: channel_quantiser(limits, 4, 2), (4, 0), 0),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_equals_fake_quantisation(case, limits, dtype):
    make, shape, axis = case
    quantiser = make(limits)
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)
    values = (values * 3).detach().requires_grad_()

    expected = fake_quantised(quantiser, values, axis)

    reals, codes = quantiser.reals(values), quantiser.codes(values)
    # Of float64 values PyTorch rounds some reals to float32.
    assert torch.allclose(reals, expected, rtol=0 if dtype == torch.float32 else 1e-7, atol=0)
    low, high = limits
    q = codes.view(torch.int8 if low < 0 else torch.uint8).to(torch.float64)
    assert ((q >= low) & (q <= high)).all()
    scale = quantiser.scale.double()
    torch.testing.assert_close(scale * (q - quantiser.zero_point), expected.detach().double())
    gradient = torch.randn(shape, generator=generator, dtype=dtype)
    (torch_gradient,) = torch.autograd.grad(expected, values, gradient)
    assert torch.equal(quantiser.clip_gradient(gradient, values), torch_gradient)


def test_ties_go_to_even_and_all_is_as_in_fractions():
    quantiser = tensor_quantiser((-128, 127), scale=0.25, zero_point=-3)
    values = [0.125 * step for step in range(-300, 300)]
    expected = [quantise(Fraction(v), Fraction(1, 4), -3, -128, 127) % 256 for v in values]
    assert quantiser.codes(torch.tensor(values)).tolist() == expected


def test_more_than_one_block_and_thread():
    values = torch.randn(3, 100_001)
    quantiser = channel_quantiser((-128, 127), 3, 2)
    assert torch.equal(quantiser.reals(values), fake_quantised(quantiser, values, 0))
    assert torch.equal(quantiser.codes(values)[2], quantiser.codes(values.flip(1))[2].flip(0))


def test_every_other_value_of_a_row_of_memory():
    values = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(0))[..., ::2]
    quantiser = tensor_quantiser((0, 127))
    assert values.reshape(-1).stride() == (2,)
    assert torch.equal(quantiser.codes(values), quantiser.codes(values.contiguous()))
    assert torch.equal(quantiser.reals(values), quantiser.reals(values.contiguous()))


def test_one_scale_that_is_spread_over_planes_becomes_a_contiguous_vector():
    scale, zero_point = torch.tensor(0.5).expand(3, 2, 1), torch.tensor(7).expand(3, 2, 1)
    *vectors, planes = by_plane(torch.zeros(3, 2, 3), scale, zero_point)
    assert planes == 6
    assert all(vector.is_contiguous() for vector in vectors)
    assert [vector.tolist() for vector in vectors] == [[0.5] * 6, [7] * 6]


def test_any_layout():
    values = torch.randn(4, 6, 3, 5)
    quantiser = tensor_quantiser((0, 127))
    strided = values.contiguous(memory_format=torch.channels_last)
    assert torch.equal(quantiser.codes(strided), quantiser.codes(values))
    gradient = torch.randn(4, 6, 3, 5)
    assert torch.equal(
        quantiser.clip_gradient(gradient.expand(4, 6, 3, 5), strided),
        quantiser.clip_gradient(gradient, values),
    )


@pytest.mark.parametrize(
    ("shape", "margins"),
    [
        ((2, 3, 7), [(2, 1)]),
        ((2, 3, 5, 4), [(1, 0), (0, 3)]),
        ((70, 3, 33, 31), [(1, 1), (1, 1)]),
        ((2, 3, 2, 5, 4), [(0, 1), (2, 2), (1, 0)]),
        ((2, 1, 2, 2, 5, 4), [(0, 1), (0, 0), (2, 2), (1, 0)]),
        ((0, 3, 5), [(1, 1)]),
        ((2, 3, 0), [(1, 1)]),
    ],
)
@pytest.mark.parametrize("limits", [(0, 127), (-128, 127)])
def test_margins_hold_the_zero_points_code(shape, margins, limits):
    quantiser = tensor_quantiser(limits, zero_point=limits[0] + 7)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    expected = torch.full(
        (*shape[:2], *(n + sum(m) for n, m in zip(shape[2:], margins, strict=True))),
        (limits[0] + 7) % 256,
        dtype=torch.uint8,
    )
    inner = (slice(first, first + n) for n, (first, _) in zip(shape[2:], margins, strict=True))
    expected[..., *inner] = quantiser.codes(values)
    assert torch.equal(quantiser.codes(values, margins), expected)
    codes, fault = quantiser.codes_and_fault(values, margins)
    assert torch.equal(codes, expected)
    assert fault == 0


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_what_clipping_would_hide_is_refused_between_margins(bad):
    values = torch.zeros(2, 3, 50, 50)
    values[1, 2, 49, 49] = bad
    with pytest.raises(ValueError, match=r"must be finite.* of 15000 values"):
        tensor_quantiser((0, 127)).codes(values, [(1, 1), (1, 1)])


def test_half_precision_is_widened():
    values = torch.randn(50).to(torch.bfloat16)
    quantiser = tensor_quantiser((0, 127))
    assert torch.equal(quantiser.codes(values), quantiser.codes(values.float()))
    assert quantiser.reals(values).dtype == torch.float32


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("position", [0, 777, 99_999])
def test_what_clipping_would_hide_is_refused(bad, position):
    values = torch.zeros(100_000)
    values[position] = bad
    with pytest.raises(ValueError, match=r"must be finite.* of 100000 values"):
        tensor_quantiser((0, 127)).codes(values)


def test_large_finite_values_are_clipped():
    codes = tensor_quantiser((0, 127)).codes(torch.tensor([3e38, -3e38]))
    assert codes.tolist() == [127, 0]


def test_custom_ops_are_well_behaved():
    values = torch.randn(3, 4)
    arguments = (torch.tensor([[0.1], [0.2], [0.3]]), torch.tensor([[0], [1], [-2]]), -128, 127)
    for operator, operands in (
        (torch.ops.torchapprox.quantise, (values, *arguments, [])),
        (torch.ops.torchapprox.fake_quantise, (values, *arguments)),
        (torch.ops.torchapprox.clip_gradient, (values, values, *arguments)),
    ):
        torch.library.opcheck(operator, operands)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_devices_without_kernels_of_their_own_give_the_same(case, dtype):
    make, shape, _ = case
    quantiser = make((-8, 7))
    values = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=dtype) / 5
    pairs = [(1, 2), (0, 3)] if shape == (2, 3, 5, 4) else []
    gradient = torch.ones_like(values)
    arguments = quantiser.scale, quantiser.zero_point, *quantiser.limits

    def default(name, *first, more=()):
        return OPERATORS[f"torchapprox::{name}"].kernels["default"](*first, *arguments, *more)

    margins = [number for pair in pairs for number in pair]
    codes = default("quantise", values, more=(margins,))
    assert torch.equal(codes, quantiser.codes(values, pairs))
    assert torch.equal(default("fake_quantise", values), quantiser.reals(values))
    clipped = default("clip_gradient", gradient, values)
    assert torch.equal(clipped, quantiser.clip_gradient(gradient, values))
    if values.numel():
        values.view(-1)[0] = torch.nan
        with pytest.raises(ValueError, match="NaN"):
            default("quantise", values, more=(margins,))
