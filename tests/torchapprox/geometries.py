"""Random convolutions, small enough for an oracle in plain loops."""

from dataclasses import dataclass

from torch import nn


@dataclass
class Geometry:
    """A float layer without weights yet, the oracle's arguments, and an input size that fits."""

    layer: nn.Module
    arguments: dict
    size: tuple[int, ...]


def channels(source):
    groups = source.choice([1, 1, 2, 3])
    return groups, groups * source.randint(1, 2), groups * source.choice([1, 2, 2, 3])


def drawn(source, dims, *choices):
    return tuple(source.choice(choices) for _ in range(dims))


def convolution(source, dims):
    groups, in_channels, out_channels = channels(source)
    kernel = drawn(source, dims, *{1: (1, 2, 3, 4), 2: (1, 2, 3, 4), 3: (1, 2, 2, 3)}[dims])
    dilation = drawn(source, dims, 1, 1, 2)
    spare = drawn(source, dims, *{1: range(8), 2: range(4), 3: range(3)}[dims])
    size = tuple(d * (k - 1) + 1 + s for d, k, s in zip(dilation, kernel, spare, strict=True))
    mode = source.choice(["zeros", "zeros", "reflect", "replicate", "circular"])
    padding = source.choice(["same", "valid", *[drawn(source, dims, 0, 1, 1, 2, 3)] * 3])
    # PyTorch too refuses to reflect or to wrap more elements than there are.
    most = [n - 1 if mode == "reflect" else n for n in size]
    if mode != "zeros" and not isinstance(padding, str):
        padding = tuple(map(min, padding, most))
    stride = (1,) * dims if padding == "same" else drawn(source, dims, 1, 1, 2, 3)
    arguments = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
                 "padding_mode": mode}  # fmt: skip
    kind = getattr(nn, f"Conv{dims}d")
    bias = source.choice([True, True, False])
    layer = kind(in_channels, out_channels, kernel, bias=bias, **arguments)
    return Geometry(layer, arguments, size)


def transposed_convolution(source, dims):
    groups, in_channels, out_channels = channels(source)
    kernel = drawn(source, dims, *{1: (1, 2, 3, 4), 2: (1, 2, 3, 4), 3: (1, 2, 2, 3)}[dims])
    dilation, stride = drawn(source, dims, 1, 1, 2, 3), drawn(source, dims, 1, 2, 2, 3)
    size = drawn(source, dims, *{1: range(1, 7), 2: range(1, 4), 3: (1, 1, 2)}[dims])
    extra = tuple(
        source.randrange(max(pair)) for pair in zip(stride, dilation, strict=True)
    )  # fmt: skip
    full = [
        (n - 1) * s + d * (k - 1) + 1 + e
        for n, s, d, k, e in zip(size, stride, dilation, kernel, extra, strict=True)
    ]
    # At least one element of the output stays.
    padding = tuple(source.randint(0, min(3, (n - 1) // 2)) for n in full)
    arguments = {"stride": stride, "padding": padding, "output_padding": extra,
                 "dilation": dilation, "groups": groups}  # fmt: skip
    kind = getattr(nn, f"ConvTranspose{dims}d")
    bias = source.choice([True, True, False])
    layer = kind(in_channels, out_channels, kernel, bias=bias, **arguments)
    return Geometry(layer, arguments, size)
