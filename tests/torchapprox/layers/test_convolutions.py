"""Properties of every convolution layer, plain and transposed, in one to three dimensions."""

import copy
import io
import pickle
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multipliers import Multiplier, code_values, exact_products
from tests.torchapprox.builders import minmax_qconfig, quantiser, random_multiplier, wrapped
from tests.torchapprox.geometries import convolution, transposed_convolution
from torchapprox import Accumulator, InferenceMode
from torchapprox.layers import ApproxConv1d, ApproxConvTranspose2d, layer_mapping_dict
from torchapprox.operators.convolution import conv_transpose_operands
from torchapprox.operators.lookup import lut_conv
from torchapprox.quantisation.torch_ao import QConfig, disable_observer, set_parameters

EXACT = Multiplier.from_lut(exact_products(True, True))
LAYERS = {
    "1d": (nn.Conv1d(4, 6, 3, padding=2, groups=2), (4, 7)),
    "2d": (nn.Conv2d(4, 6, (3, 2), padding=(1, 2), stride=(2, 1), groups=2), (4, 5, 6)),
    "3d": (nn.Conv3d(2, 3, 2, padding="same", dilation=(1, 2, 1)), (2, 3, 4, 3)),
    "reflect": (nn.Conv2d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 4, 5)),
    "replicate": (nn.Conv3d(2, 3, 2, padding=1, padding_mode="replicate"), (2, 2, 3, 2)),
    "circular": (nn.Conv1d(2, 3, 4, padding="same", padding_mode="circular"), (2, 6)),
    "transposed 1d": (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), (4, 5)),
    "transposed 2d": (nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 0), groups=2), (4, 3, 4)),
    "transposed 3d": (nn.ConvTranspose3d(2, 3, 2, stride=2, dilation=(1, 3, 1)), (2, 2, 3, 2)),
}
every_layer = pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
GEOMETRIES = {
    **{f"Conv{dims}d": (convolution, dims) for dims in (1, 2, 3)},
    **{f"ConvTranspose{dims}d": (transposed_convolution, dims) for dims in (1, 2, 3)},
}


def images(shape, count=3, seed=0):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def calibrated(layer, shape, multiplier, **options):
    """A wrapped layer whose quantisers have seen a batch."""
    qconfig = minmax_qconfig(per_channel=True, w_affine=True)
    wrapper = wrapped(copy.deepcopy(layer), multiplier, qconfig=qconfig, **options)
    wrapper(images(shape, 8, seed=1))
    return wrapper.apply(disable_observer)


@pytest.mark.parametrize("kind", GEOMETRIES)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), per_channel=st.booleans(), w_affine=st.booleans())
def test_the_exact_table_gives_pytorchs_layer_on_quantised_numbers(
    kind, seed, per_channel, w_affine
):
    draw, dims = GEOMETRIES[kind]
    geometry = draw(random.Random(seed), dims)
    qconfig = minmax_qconfig(per_channel=per_channel, w_affine=w_affine)
    wrapper = wrapped(geometry.layer, EXACT, qconfig=qconfig)
    x = images((geometry.layer.in_channels, *geometry.size), 2, seed)
    y = wrapper(x)
    layer = wrapper.wrapped
    assert layer.output_dims(x) == y.shape[2:]
    float_layer = layer.to_float()
    float_layer.weight = nn.Parameter(layer._quantise_weight(layer.weight))
    expected = float_layer(wrapper.quant_stub(x))
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-4)


@every_layer
@pytest.mark.parametrize("operand", ["activation", "weight"])
def test_a_table_of_one_operand_gives_its_sums(layer, shape, operand):
    values = np.broadcast_to(code_values(True)[:, None], (256, 256))
    table = values if operand == "activation" else values.T
    layer = copy.deepcopy(layer)
    generator = torch.Generator().manual_seed(5)
    layer.bias = None
    layer.weight.data = torch.randint(-128, 128, layer.weight.shape, generator=generator).float()
    x = torch.randint(0, 128, (2, *shape), generator=generator).float()
    wrapper = wrapped(layer, Multiplier.from_lut(np.ascontiguousarray(table)))
    set_parameters(wrapper.activation_quantiser, 1.0, 0)
    set_parameters(wrapper.wrapped.weight_fake_quant, 1.0, 0)
    args = wrapper.wrapped.conv_args
    if operand == "activation":
        expected = args.exact(x, torch.ones_like(layer.weight))
    elif layer.transposed:
        expected = args.exact(torch.ones_like(x), layer.weight)
    else:  # a padded position is multiplied as any other
        sums = layer.weight.flatten(1).sum(1).view(1, -1, *[1] * args.DIMS)
        expected = sums.expand(2, -1, *wrapper.wrapped.output_dims(x))
    assert torch.equal(wrapper(x), expected)


@every_layer
def test_batch_and_output_channels_permute(layer, shape):
    wrapper, x = calibrated(layer, shape, random_multiplier()), images(shape)
    y = wrapper(x)
    assert torch.equal(wrapper(x.flip(0)), y.flip(0))
    # Groups are exchanged with their inputs, or channels within a group.
    other, layer = copy.deepcopy(wrapper), wrapper.wrapped
    channels, groups = layer.out_channels, layer.groups
    order = torch.arange(channels).view(groups, -1).flip(1).flatten()
    other.wrapped.weight = nn.Parameter(
        layer.weight.flip(1) if layer.transposed else layer.weight[order]
    )
    other.wrapped.bias = nn.Parameter(layer.bias[order])
    quantiser_ = layer.weight_fake_quant
    set_parameters(
        other.wrapped.weight_fake_quant,
        quantiser_.scale[order].tolist(),
        quantiser_.zero_point[order].tolist(),
    )
    assert torch.equal(other(x), y[:, order])


@every_layer
@pytest.mark.parametrize("accumulator", [None, Accumulator(18, "saturate")])
def test_parts_of_a_batch_give_what_the_whole_gives(layer, shape, accumulator, monkeypatch):
    wrapper, x = calibrated(layer, shape, random_multiplier()), images(shape, 5)
    wrapper.wrapped.accumulator = accumulator
    y = wrapper(x)
    assert torch.equal(torch.cat([wrapper(part) for part in x.split([1, 3, 1])]), y)
    monkeypatch.setattr(lut_conv, "MOST_RECEPTIVE_FIELD_BYTES", 1)
    monkeypatch.setattr(conv_transpose_operands, "MOST_RESULTS", 1)
    assert torch.equal(wrapper(x), y)


@every_layer
@pytest.mark.parametrize("mode", InferenceMode)
def test_one_sample_and_none(layer, shape, mode):
    wrapper = calibrated(layer, shape, random_multiplier(), mode=mode).eval()
    x = images(shape, 1)
    y = wrapper(x)
    torch.testing.assert_close(wrapper(x[0]), y[0])
    x = images(shape, 0).requires_grad_()
    empty = wrapper(x)
    assert empty.shape == (0, *y.shape[1:])
    empty.sum().backward()
    assert x.grad.shape == x.shape


@every_layer
def test_any_memory_layout(layer, shape):
    wrapper, x = calibrated(layer, shape, random_multiplier()), images(shape)
    y = wrapper(x)
    assert y.is_contiguous()
    channels_last = x.movedim(1, -1).contiguous().movedim(-1, 1)
    assert torch.equal(wrapper(channels_last), y)


@every_layer
def test_fan_in_and_opcount_are_the_numbers_of_products(layer, shape):
    wrapper = calibrated(layer, shape, None)
    args, layer = wrapper.wrapped.conv_args, wrapper.wrapped
    large = torch.ones(1, shape[0], *[12] * args.DIMS)
    # Each product counts as one, padded positions too.
    products = args.exact(large, torch.ones_like(layer.weight))
    assert layer.fan_in == int(products.max())
    wrapper(images(shape))
    if layer.transposed:
        # Without cutting off anything, every product reaches an output.
        whole = layer._ARGS(**{**vars(args), "padding": 0})
        total = int(whole.exact(torch.ones(1, *shape), torch.ones_like(layer.weight)).sum())
    else:
        size = layer.output_dims(images(shape))
        total = layer.fan_in * layer.out_channels * int(np.prod(size))
    assert layer.opcount == total


@every_layer
@pytest.mark.parametrize("accumulator", [None, Accumulator(20, "wrap", "end", 3, 14)])
def test_copies_files_and_the_way_back(layer, shape, accumulator):
    wrapper, x = calibrated(layer, shape, random_multiplier()), images(shape)
    wrapper.wrapped.accumulator = accumulator
    y = wrapper(x)
    for clone in (copy.deepcopy(wrapper), pickle.loads(pickle.dumps(wrapper))):
        assert clone.wrapped.accumulator == accumulator
        assert torch.equal(clone(x), y)
    buffer = io.BytesIO()
    torch.save(wrapper.state_dict(), buffer)
    buffer.seek(0)
    fresh = calibrated(layer, shape, None)
    fresh.wrapped.accumulator = Accumulator(9)
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    assert fresh.wrapped.accumulator == accumulator
    assert torch.equal(fresh(x), y)
    back = wrapper.wrapped.to_float()
    assert repr(back) == repr(layer)
    torch.testing.assert_close(back(x), layer(x))
    assert type(wrapper.wrapped) is layer_mapping_dict()[type(layer)]


@every_layer
def test_a_narrow_accumulator_changes_the_result(layer, shape):
    wrapper, x = calibrated(layer, shape, random_multiplier()), images(shape)
    exact = wrapper(x)
    wrapper.wrapped.accumulator = Accumulator(62, "saturate")
    assert torch.equal(wrapper(x), exact)
    wrapper.wrapped.accumulator = Accumulator(12, "saturate")
    saturated = wrapper(x)
    wrapper.wrapped.accumulator = Accumulator(12, "wrap")
    assert not torch.equal(saturated, exact)
    assert not torch.equal(saturated, wrapper(x))


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 3, 3, padding=1), nn.ConvTranspose2d(2, 3, 3)])
def test_an_accumulator_without_a_table_sums_exact_products(layer):
    shape = (2, 5, 5)
    wrapper, x = calibrated(layer, shape, EXACT), images(shape)
    wrapper.wrapped.accumulator = Accumulator(11, "saturate")
    by_table = wrapper(x)
    wrapper.wrapped.multiplier = None
    assert torch.equal(wrapper(x), by_table)
    wrapper.wrapped.accumulator = None
    assert not torch.equal(wrapper(x), by_table)


def test_an_accumulator_sums_no_products_of_a_model():
    wrapper = calibrated(nn.Conv1d(2, 3, 3), (2, 5), EXACT)
    wrapper.wrapped.accumulator = Accumulator(12)
    wrapper.wrapped.htp_model = lambda base_func, x, w, kwargs: base_func(x, w, **kwargs)
    with pytest.raises(NotImplementedError, match=r"gives their sums only; use .*htp_model = None"):
        wrapper(images((2, 5)))
    with pytest.raises(TypeError, match="'accumulator' must be an Accumulator or None, got int"):
        wrapper.wrapped.accumulator = 20


def test_integers_beyond_float32_without_a_table():
    layer = nn.Conv2d(30, 1, 3, bias=False).double()
    layer.weight.data = torch.full_like(layer.weight, -127.0)
    layer.weight.data[0, 0, 0, 0] = -126.0  # an odd sum above 2^24 in magnitude
    wrapper = wrapped(layer, None, qconfig=minmax_qconfig((0, 255)))
    set_parameters(wrapper.activation_quantiser, 1.0, 0)
    set_parameters(wrapper.wrapped.weight_fake_quant, 1.0, 0)
    x = torch.full((1, 30, 5, 5), 255.0, dtype=torch.float64)
    assert (wrapper(x) == -255 * (127 * 270 - 1)).all()


def test_padding_with_zeros_is_not_code_zero():
    # An exact table and a zero point of 100: code 0 would stand for -100.
    wrapper = wrapped(nn.Conv1d(1, 1, 3, padding=1, bias=False), EXACT)
    wrapper.wrapped.weight.data = torch.ones(1, 1, 3)
    set_parameters(wrapper.activation_quantiser, 1.0, 100)
    set_parameters(wrapper.wrapped.weight_fake_quant, 1.0, 0)
    assert wrapper(torch.full((1, 1, 3), 20.0)).tolist() == [[[40.0, 60.0, 40.0]]]


def test_no_zero_is_inserted_into_a_transposed_convolution():
    # A multiplier that makes 1000 of everything: an output has as many as it has products.
    table = np.full((256, 256), 1000)
    layer = nn.ConvTranspose1d(1, 1, 3, stride=2, bias=False)
    wrapper = wrapped(layer, Multiplier.from_lut(table))
    set_parameters(wrapper.activation_quantiser, 1.0, 0)
    set_parameters(wrapper.wrapped.weight_fake_quant, 1.0, 0)
    y = wrapper(torch.ones(1, 1, 3)).flatten() / 1000
    assert y.tolist() == [1, 1, 2, 1, 2, 1, 1]


def test_weights_of_transposed_groups_have_their_own_scales():
    layer = nn.ConvTranspose2d(4, 6, 2, groups=2)
    with torch.no_grad():
        layer.weight.mul_(torch.tensor([1.0, 100.0]).repeat_interleave(2).view(4, 1, 1, 1))
    wrapper = calibrated(layer, (4, 3, 3), EXACT)
    scale = wrapper.wrapped.weight_fake_quant.scale
    assert scale.shape == (6,)
    assert float(scale[3:].min() / scale[:3].max()) > 10
    x = images((4, 3, 3), 8, seed=1)
    exact = layer(x).detach()
    error = wrapper(x).detach() - exact
    for channel in range(6):
        assert float(error[:, channel].std() / exact[:, channel].std()) < 0.05


def test_other_axes_of_transposed_weights_are_refused():
    weight = quantiser(per_channel=True).with_args(ch_axis=1)
    qconfig = QConfig(activation=quantiser(affine=True), weight=weight)
    wrapper = wrapped(nn.ConvTranspose2d(4, 2, 2), EXACT, qconfig=qconfig)
    with pytest.raises(ValueError, match=r"per output channel \(axis 0\), got axis 1"):
        wrapper(images((4, 3, 3)))


@pytest.mark.parametrize("call", [lambda f, x, n: f(x, n), lambda f, x, n: f(x, output_size=n)])
def test_output_size_of_a_transposed_convolution(call):
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    wrapper, x = calibrated(layer, (2, 4, 4), EXACT), images((2, 4, 4))
    expected = call(layer, x, [8, 7])
    y = call(wrapper, x, [8, 7])
    assert y.shape == expected.shape == (3, 3, 8, 7)
    torch.testing.assert_close(y[..., :7, :], wrapper(x))
    with pytest.raises(ValueError, match=r"requested an output size of \[9, 9\], but valid sizes"):
        wrapper(x, [9, 9])
    assert wrapper(x).shape == (3, 3, 7, 7)


def test_other_layers_take_no_output_size():
    wrapper = calibrated(nn.Conv2d(2, 3, 3), (2, 5, 5), EXACT)
    with pytest.raises(TypeError, match="output_size"):
        wrapper(images((2, 5, 5)), [3, 3])


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv1d(2, 2, 3), (1, 3, 5), r"'x' must be \(B, 2, L\) or \(2, L\), got \(1, 3, 5\)"),
        (nn.Conv3d(2, 2, 3), (2, 5, 5), r"'x' must be \(B, 2, D, H, W\) or \(2, D, H, W\), got"),
        (nn.Conv1d(2, 2, 3, dilation=3), (1, 2, 6), r"large as the kernel, \(7,\), got \(6,\)"),
        (
            nn.Conv1d(2, 2, 3, padding=5, padding_mode="reflect"), (1, 2, 5),
            "'reflect' takes a padding of at most 4 for an input of size 5 along axis 0, got 5",
        ),
        (nn.ConvTranspose2d(2, 2, 3), (1, 3, 5, 5), r"'x' must be \(B, 2, H, W\) or \(2, H, W\)"),
        (nn.ConvTranspose1d(2, 2, 3), (1, 2, 0), r"at least one element along each axis, got \(0"),
        (
            nn.ConvTranspose1d(2, 2, 3, padding=4), (1, 2, 1),
            r"'padding' must not exceed the output, got \(4,\) of \(3,\)",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", InferenceMode)
def test_inputs_that_do_not_fit(layer, shape, message, mode):
    with pytest.raises(ValueError, match=message):
        wrapped(layer, EXACT, mode=mode).wrapped(torch.zeros(shape))


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match="padding"):
        ApproxConv1d(2, 2, 3, padding_mode="mirror")
    args = ApproxConvTranspose2d(2, 2, 3, output_padding=1)
    with pytest.raises(ValueError, match="smaller than either 'stride' or 'dilation', got"):
        args(torch.zeros(1, 2, 4, 4))
