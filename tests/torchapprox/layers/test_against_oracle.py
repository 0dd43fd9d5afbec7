"""Layers against the oracle: 600 random configurations, integers equal, floats to 1e-5."""

import pytest
import torch
from torch import nn

from tests.torchapprox import oracle
from tests.torchapprox.builders import wrapped
from tests.torchapprox.configurations import Configuration, qconfig_of
from torchapprox import observe_operands


def run(configuration, layer, w, x):
    """Return the float output and the integers before rescaling, as the layer computes them."""
    wrapper = wrapped(layer, configuration.multiplier, qconfig=qconfig_of(configuration.x, w))
    configuration.x.install(wrapper.activation_quantiser)
    w.install(wrapper.wrapped.weight_fake_quant)
    accumulators = []
    with observe_operands(
        wrapper,
        lambda _, operands, __: accumulators.append(operands.accumulate(wrapper.wrapped.lut)),
    ):
        y = wrapper(x)
    return y, accumulators[0]


def codes(quantiser, values):
    """Quantise nested lists; the first axis is the output channel where scales are per channel."""
    return [
        oracle.nested(lambda v, c=channel: oracle.quantise(v, *quantiser.channel(c)), value)
        for channel, value in enumerate(values)
    ]


def assert_rescaled(y, expected, configuration, w, bias, channel_axis):
    channels = len(bias)
    w_scale = torch.tensor([w.channel(n)[0] for n in range(channels)], dtype=torch.float64)
    real = torch.tensor(
        [oracle.rescale(0, configuration.x.scales[0], float(s), float(b))
         for s, b in zip(w_scale, bias, strict=True)],
        dtype=torch.float64,
    )  # fmt: skip
    shape = [-1 if axis == channel_axis % y.dim() else 1 for axis in range(y.dim())]
    scaled = configuration.x.scales[0] * w_scale.view(shape) * expected.double()
    tolerance = 1e-5 * (scaled.abs() + real.abs().view(shape))
    assert ((y.double() - scaled - real.view(shape)).abs() <= tolerance).all()


@pytest.mark.parametrize("seed", range(250))
def test_linear(seed):
    configuration = Configuration(seed)
    source = configuration.source
    features, neurons = source.choice([1, 2, 3, 5, 8, 13]), source.choice([1, 2, 3, 5, 8, 11])
    leading = [source.randint(1, 5) for _ in range(source.randint(0, 3))]
    w = configuration.weights(neurons)
    layer = nn.Linear(features, neurons)
    layer.weight.data = configuration.reals(w, (neurons, features))
    x = configuration.reals(configuration.x, (*leading, features))

    y, accumulators = run(configuration, layer, w, x)

    expected = torch.tensor(
        oracle.linear(
            configuration.multiplier.lut,
            codes(configuration.x, x.tolist()),
            codes(w, layer.weight.tolist()),
            configuration.x.zero_points[0],
            [w.channel(n)[1] for n in range(neurons)],
        )
    )
    assert torch.equal(accumulators.reshape(expected.shape), expected)
    assert_rescaled(y, expected, configuration, w, layer.bias.detach(), -1)


@pytest.mark.parametrize("seed", range(1000, 1350))
def test_conv2d(seed):
    configuration = Configuration(seed)
    source = configuration.source
    groups = source.choice([1, 1, 2, 3])
    in_channels = groups * source.randint(1, 2)
    channels = groups * source.choice([1, 2, 2, 9])
    kernel = source.randint(1, 3), source.randint(1, 4)
    dilation = source.choice([1, 1, 2]), source.choice([1, 2])
    padding = source.choice([(0, 0), (1, 2), (2, 0), (source.randint(0, 3),) * 2, "same", "valid"])
    stride = (1, 1) if padding == "same" else (source.randint(1, 3), source.choice([1, 1, 2]))
    size = [d * (k - 1) + 1 + source.randint(0, 3) for d, k in zip(dilation, kernel, strict=True)]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    w = configuration.weights(channels)
    layer = nn.Conv2d(in_channels, channels, kernel, **geometry)
    layer.weight.data = configuration.reals(w, tuple(layer.weight.shape))
    x = configuration.reals(configuration.x, (source.randint(1, 2), in_channels, *size))

    y, accumulators = run(configuration, layer, w, x)

    expected = torch.tensor(
        oracle.conv2d(
            configuration.multiplier.lut,
            codes(configuration.x, x.tolist()),
            codes(w, layer.weight.tolist()),
            configuration.x.zero_points[0],
            [w.channel(n)[1] for n in range(channels)],
            **geometry,
        )
    )
    assert y.shape == expected.shape
    # Operands (G, B * H * W, N / G); the oracle's order is (B, N, H, W).
    by_channel = expected.transpose(0, 1).reshape(groups, channels // groups, -1).mT
    assert torch.equal(accumulators, by_channel)
    assert_rescaled(y, expected, configuration, w, layer.bias.detach(), 1)
