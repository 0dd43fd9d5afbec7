"""Configurations that fit every port, and what they say to arguments that do not."""

import copy
import itertools

import pytest
import torch
from torch import nn

from multipliers import Multiplier, Port, exact_products
from tests.torchapprox.builders import wrapped
from torchapprox import InferenceMode, approximate, calibrate, qconfig
from torchapprox.quantisation.default_qconfig import default_qconfig
from torchapprox.quantisation.histogram_observer import HistogramObserver
from torchapprox.quantisation.learned_step import LearnedStepQuantize
from torchapprox.quantisation.quantisers import fitting_qconfig, ranges_of
from torchapprox.quantisation.torch_ao import (
    FakeQuantize,
    QConfig,
    disable_observer,
    set_parameters,
)

OBSERVERS = ("minmax", "moving_average", "percentile", "histogram", "mse", "entropy")
PORTS = [Port(width, signed) for width in range(2, 9) for signed in (False, True)]
SIGNED, UNSIGNED = Port(8, True), Port(8, False)


def exact_multiplier(x_port, w_port):
    """The exact multiplier of two ports, as a table that differs from the exact product's names."""
    return Multiplier.from_function(
        lambda x, w: x * w, name="exact table", x_port=x_port, w_port=w_port
    )


@pytest.mark.parametrize("port", PORTS, ids=str)
def test_all_bits_of_all_ports(port):
    """Every number of bits has 2^bits codes, inside the port, and the port's signedness."""
    for bits in range(2, port.width + 1):
        x_range, w_range = ranges_of(qconfig((port, port), x_bits=bits, w_bits=bits))
        for low, high in (x_range, w_range):
            assert port.low <= low <= 0 < high <= port.high
            assert high - low + 1 == 2**bits
        assert (w_range[0] < 0) is port.signed
        assert (x_range[0] < 0) is (port.signed and bits == port.width)
        signed = qconfig((port, port), x_bits=bits, x_signed=port.signed)
        assert (ranges_of(signed)[0][0] < 0) is port.signed


@pytest.mark.parametrize("port", PORTS, ids=str)
def test_the_most_bits_that_fit(port):
    x_range, w_range = ranges_of(qconfig((port, port)))
    assert x_range == (0, port.high)
    assert w_range == (port.low, port.high)


def test_the_default_configuration_where_it_fits():
    for multiplier in (None, exact_multiplier(SIGNED, SIGNED)):
        config = fitting_qconfig(multiplier)
        assert type(config.weight().activation_post_process) is HistogramObserver
        assert ranges_of(config) == ((0, 127), (-128, 127))
    assert ranges_of(fitting_qconfig(exact_multiplier(UNSIGNED, SIGNED))) == ((0, 255), (-128, 127))
    narrow = exact_multiplier(Port(4, False), Port(3, True))
    assert ranges_of(fitting_qconfig(narrow)) == ((0, 15), (-4, 3))


SCHEMES = list(itertools.product((False, True), (False, True), (False, True)))


@pytest.mark.parametrize("x_port", [SIGNED, UNSIGNED], ids=["sx", "ux"])
@pytest.mark.parametrize("w_port", [SIGNED, UNSIGNED], ids=["sw", "uw"])
@pytest.mark.parametrize(("per_channel", "x_symmetric", "w_symmetric"), SCHEMES)
def test_ports_by_schemes_by_bits(x_port, w_port, per_channel, x_symmetric, w_symmetric):
    """The exact table gives what the fake-quantised layer gives, so that every code fits."""
    multiplier = exact_multiplier(x_port, w_port)
    torch.manual_seed(0)
    x, layer = 3 * torch.randn(64, 24) - 1, nn.Linear(24, 10)
    layer.weight.data += 0.1
    for x_bits, w_bits in ((2, 8), (8, 2), (5, 3), (4, 4), (8, 8)):
        config = qconfig(
            multiplier, x_bits=x_bits, w_bits=w_bits, observer="minmax", per_channel=per_channel,
            x_symmetric=x_symmetric, w_symmetric=w_symmetric,
        )  # fmt: skip
        wrapper = wrapped(copy.deepcopy(layer), multiplier, qconfig=config)
        calibrate(nn.Sequential(wrapper), [x])
        approximated = wrapper(x)
        wrapper.wrapped.inference_mode = InferenceMode.QUANTIZED
        torch.testing.assert_close(approximated, wrapper(x), rtol=1e-4, atol=1e-4)
        quantiser = wrapper.wrapped.weight_fake_quant
        assert quantiser.scale.numel() == (10 if per_channel else 1)
        if w_bits > 2 and not (w_symmetric and w_port.signed):
            assert (quantiser.zero_point != 0).any()


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("per_channel", [False, True])
def test_every_observer_quantises_a_layer_well(observer, per_channel):
    torch.manual_seed(1)
    model, x = nn.Sequential(nn.Linear(64, 32)), torch.randn(256, 64)
    expected = model(x)
    approximate(
        model, calibration=x.split(64),
        qconfig=qconfig(observer=observer, x_bits=8, per_channel=per_channel),
    )  # fmt: skip
    error = (model(x) - expected).square().mean() / expected.square().mean()
    assert error < 1e-3
    assert model[0].wrapped.weight_fake_quant.is_per_channel is per_channel


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_every_observer_takes_every_precision(observer, dtype):
    model, x = nn.Sequential(nn.Linear(64, 32)).to(dtype), torch.randn(64, 64, dtype=dtype)
    expected = model(x).float()
    approximate(model, calibration=[x], qconfig=qconfig(observer=observer, per_channel=True))
    assert model(x).dtype == dtype
    assert (model(x).float() - expected).abs().max() < 0.1 * expected.abs().max()


def test_per_channel_weights_with_their_own_observer():
    weight = qconfig(observer="histogram", w_observer="percentile", percentile=99.0).weight()
    assert weight.activation_post_process.percentile == 99.0
    average = qconfig(observer="moving_average", averaging_constant=0.5).activation()
    assert average.activation_post_process.averaging_constant == 0.5


@pytest.mark.parametrize("ports", ["mul8s", (8, 8), (Port(8, True),)])
def test_what_is_no_pair_of_ports(ports):
    with pytest.raises(TypeError, match="'ports' must be a Multiplier or a pair of Ports, got"):
        qconfig(ports)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"x_bits": 9}, ValueError, "'x_bits' must be from 2 to 8, the width of the port, got 9"),
        ({"w_bits": 1}, ValueError, "'w_bits' must be from 2 to 8, the width of the port, got 1"),
        ({"ports": (Port(4, True), SIGNED), "x_bits": 5}, ValueError, "'x_bits' must be .* 2 to 4"),
        (
            {"x_bits": 8, "x_signed": False},
            ValueError,
            r"'x_bits' and 'x_signed' must give codes within .* signed 8-bit \(-128..127\), got "
            r"unsigned 8-bit \(0..255\)",
        ),
        ({"ports": (UNSIGNED, SIGNED), "x_signed": True}, ValueError, "got signed 8-bit"),
        ({"observer": "mean"}, LookupError, "'observer' must be one of minmax, .*, got 'mean'"),
        ({"w_observer": "max"}, LookupError, "'w_observer' must be one of .*, got 'max'"),
        (
            {"w_observer": "entropy", "per_channel": True},
            NotImplementedError,
            "'w_observer' 'entropy' needs more values .*: choose one of minmax, .*or per_channel",
        ),
        ({"averaging_constant": 0.0}, ValueError, "'averaging_constant' must be above 0"),
        ({"percentile": 0.0}, ValueError, "'percentile' must be above 0 and at most 100, got 0.0"),
    ],
)
def test_arguments_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        qconfig(**options)


def test_the_default_configuration_is_the_one_of_the_interface():
    activation, weight = default_qconfig().activation(), default_qconfig().weight()
    assert type(activation) is type(weight) is FakeQuantize
    assert (activation.dtype, weight.dtype) == (torch.quint8, torch.qint8)
    assert activation.qscheme == torch.per_tensor_affine
    assert weight.qscheme == torch.per_tensor_symmetric
    assert ranges_of(default_qconfig()) == ((0, 127), (-128, 127))


def learned(per_channel):
    config = qconfig(
        (SIGNED, SIGNED), x_bits=4, w_bits=3, observer="minmax", per_channel=per_channel,
        learned_steps=True,
    )  # fmt: skip
    return config.activation(), config.weight()


@pytest.mark.parametrize("per_channel", [False, True])
def test_gradient_of_a_learned_step(per_channel):
    torch.manual_seed(2)
    _, quantiser = learned(per_channel)
    values, upstream = torch.randn(5, 40), torch.randn(5, 40)
    quantiser(values)
    set_parameters(
        quantiser, quantiser.scale.detach() / 2, quantiser.zero_point
    )  # so that it clips
    values.requires_grad_()
    quantiser(values).backward(upstream)
    expected = []
    for row, gradient, scale in zip(
        values.tolist(), upstream.tolist(), quantiser.scale.expand(5).tolist(), strict=True
    ):
        total = 0.0
        for value, g in zip(row, gradient, strict=True):
            ratio = value / scale
            code = round(ratio)
            total += g * (max(-4, min(3, code)) if not -4 <= code <= 3 else code - ratio)
        expected.append(total / (40 * (1 if per_channel else 5) * 3) ** 0.5)
    expected = torch.tensor(expected if per_channel else [sum(expected)])
    torch.testing.assert_close(quantiser.scale.grad, expected, rtol=1e-3, atol=1e-4)
    inside = (values / quantiser.scale.detach().view(-1, 1)).round().clamp(-4, 3)
    clipped = inside != (values / quantiser.scale.detach().view(-1, 1)).round()
    assert clipped.any()
    assert torch.equal(values.grad, upstream.masked_fill(clipped, 0))


def test_learned_steps_are_trained_on_approximate_products():
    torch.manual_seed(3)
    table = exact_products(True, True) & ~7
    model, x = nn.Sequential(nn.Linear(16, 8)), torch.randn(128, 16)
    target = model(x).detach()
    optimiser_first = torch.optim.SGD  # an optimiser made after the conversion
    approximate(
        model, Multiplier.from_lut(table), calibration=[x],
        qconfig=qconfig(x_bits=4, w_bits=4, learned_steps=True, per_channel=True),
    )  # fmt: skip
    scales = [module.scale for module in model.modules() if isinstance(module, LearnedStepQuantize)]
    assert len(scales) == 2
    before = [scale.detach().clone() for scale in scales]
    optimiser = optimiser_first(model.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = (model(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(not torch.equal(*pair) for pair in zip(before, scales, strict=True))


def test_learned_steps_in_a_checkpoint():
    for first, second in zip(learned(True), learned(True), strict=True):
        first(torch.randn(5, 40))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.scale, second.scale)
        assert torch.equal(first.zero_point, second.zero_point)


@pytest.mark.parametrize(
    ("scale", "zero_point", "message"),
    [
        (0.0, 0, "'scale' must be positive and finite"),
        (float("nan"), 0, "'scale' must be positive and finite"),
        (1.0, 128, r"'zero_point' must lie in 0..127, got \[128\]"),
        ([1.0, 2.0], [0, 0], "one for a quantiser per tensor, got 2 and 2"),
        ([1.0], [0, 0], "equally many elements.*got 1 and 2"),
    ],
)
def test_parameters_that_cannot_be_set(scale, zero_point, message):
    with pytest.raises(ValueError, match=message):
        set_parameters(default_qconfig().activation(), scale, zero_point)


def test_only_a_quantiser_has_parameters_to_set():
    with pytest.raises(TypeError, match="'quantiser' must be a fake-quantiser, got Identity"):
        set_parameters(nn.Identity(), 1.0, 0)


def test_parameters_that_are_set_stay_when_observers_are_off():
    quantiser = qconfig(per_channel=True).weight()
    set_parameters(quantiser, torch.tensor([1.0, 2.0]), torch.tensor([0, 0]))
    weight = torch.tensor([[3.2], [3.2]])
    assert quantiser(weight).flatten().tolist() == [3.0, 4.0]
    assert isinstance(default_qconfig(), QConfig)
    quantiser.apply(disable_observer)
    assert quantiser(weight).flatten().tolist() == [3.0, 4.0]
