"""One random case of each kind of layer: the layer, its input and the integers that are true."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from tests.torchapprox import oracle
from tests.torchapprox.builders import wrapped
from tests.torchapprox.configurations import Configuration, Quantiser, qconfig_of
from tests.torchapprox.geometries import convolution, transposed_convolution
from torchapprox import Accumulator
from torchapprox.layers import ApproxWrapper


@dataclass
class Case:
    """A float layer with its quantisers and an input."""

    configuration: Configuration
    layer: nn.Module
    x: Tensor
    w: Quantiser
    accumulator: Accumulator | None
    channel_axis: int
    oracle: Callable[[list, list], list]  # codes of x and w -> accumulators

    @property
    def scheme(self):
        """Signedness of the ports and the weights' quantisation, as text."""
        kind = "affine" if self.w.affine else "symmetric"
        granularity = "channel" if self.w.per_channel else "tensor"
        return f"{self.configuration.ports}, {kind} per {granularity}"

    def expected(self):
        """True accumulators, an integer tensor of the output's shape."""
        x = codes(self.configuration.x, self.x.tolist())
        return torch.tensor(self.oracle(x, self.w_codes()), dtype=torch.int64)

    def w_codes(self):
        weight = self.layer.weight.tolist()
        if isinstance(self.layer, nn.modules.conv._ConvTransposeNd):
            per_input = len(weight) // self.layer.groups
            return [
                [
                    codes(self.w, [kernel], first=channel // per_input * len(row) + n)[0]
                    for n, kernel in enumerate(row)
                ]
                for channel, row in enumerate(weight)
            ]
        return codes(self.w, weight)

    def converted(self, dtype) -> ApproxWrapper:
        """The layer on its multiplier, quantisers fixed."""
        wrapper = wrapped(
            self.layer.to(dtype), self.configuration.multiplier,
            qconfig=qconfig_of(self.configuration.x, self.w),
        )  # fmt: skip
        self.configuration.x.install(wrapper.activation_quantiser)
        self.w.install(wrapper.wrapped.weight_fake_quant)
        wrapper.wrapped.accumulator = self.accumulator
        return wrapper

    def scales(self, dims):
        """Product of the operands' scales, made in float32 as the quantisers hold them.

        float64, shaped to broadcast over the output.
        """
        w_scales = torch.tensor([self.w.channel(n)[0] for n in range(self.channels)])
        product = torch.tensor(self.configuration.x.scales[0]) * w_scales
        return self.by_channel(product.double(), dims)

    def by_channel(self, values, dims):
        shape = [1] * dims
        shape[self.channel_axis] = -1
        return values.view(shape)

    @property
    def channels(self):
        return getattr(self.layer, "out_channels", None) or self.layer.out_features


def codes(quantiser, values, first=0):
    """Quantise nested lists; the first axis is the output channel where scales are per channel."""
    return [
        oracle.nested(lambda v, c=channel: oracle.quantise(v, *quantiser.channel(c)), value)
        for channel, value in enumerate(values, start=first)
    ]


def zero_points(w, channels):
    return [w.channel(n)[1] for n in range(channels)]


def linear(seed):
    configuration = Configuration(seed)
    source = configuration.source
    features, neurons = source.choice([1, 2, 3, 5, 8, 13]), source.choice([1, 2, 3, 5, 8, 11])
    leading = [source.randint(1, 5) for _ in range(source.randint(0, 3))]
    w, accumulator = configuration.weights(neurons), configuration.accumulator()
    layer = nn.Linear(features, neurons, bias=source.choice([True, True, False]))
    layer.weight.data = configuration.reals(w, (neurons, features))
    x = configuration.reals(configuration.x, (*leading, features))
    true = partial(
        oracle.linear, configuration.multiplier.lut.tolist(),
        x_zero_point=configuration.x.zero_points[0], w_zero_points=zero_points(w, neurons),
        accumulator=accumulator,
    )  # fmt: skip
    return Case(configuration, layer, x, w, accumulator, -1, true)


def conv(dims, seed):
    configuration = Configuration(seed)
    geometry = convolution(configuration.source, dims)
    return _conv_case(configuration, geometry, oracle.conv)


def conv_transpose(dims, seed):
    configuration = Configuration(seed)
    geometry = transposed_convolution(configuration.source, dims)
    return _conv_case(configuration, geometry, oracle.conv_transpose)


def _conv_case(configuration, geometry, function):
    layer, source = geometry.layer, configuration.source
    w, accumulator = configuration.weights(layer.out_channels), configuration.accumulator()
    # Drawn output channels first, as per-channel quantisers have it.
    shape = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
    weight = configuration.reals(w, shape)
    if layer.transposed:
        by_group = weight.view(layer.groups, -1, *shape[1:]).transpose(1, 2)
        weight = by_group.reshape(layer.weight.shape)
    layer.weight.data = weight
    x = configuration.reals(
        configuration.x, (source.randint(1, 2), layer.in_channels, *geometry.size)
    )
    true = partial(
        function, configuration.multiplier.lut.tolist(),
        x_zero_point=configuration.x.zero_points[0],
        w_zero_points=zero_points(w, layer.out_channels),
        accumulator=accumulator, **geometry.arguments,
    )  # fmt: skip
    return Case(configuration, layer, x, w, accumulator, 1, true)


KINDS = {
    "Linear": linear,
    **{f"Conv{dims}d": partial(conv, dims) for dims in (1, 2, 3)},
    **{f"ConvTranspose{dims}d": partial(conv_transpose, dims) for dims in (1, 2, 3)},
}
