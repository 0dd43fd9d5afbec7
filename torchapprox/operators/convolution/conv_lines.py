"""A convolution's receptive fields as places in its padded input, for kernels that gather them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.code_lines import IN_PLACE_ROWS, CodeLines
from torchapprox.kernels.results.sum_places import SumPlaces
from torchapprox.operators.remembered import Derived, remembered

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class ConvShape:
    """Sizes and steps of a convolution without padding, in any number of dimensions.

    Attributes:
        batch: Images, B.
        channels: Input channels, C.
        size: Size of the input along each axis.
        out_channels: Output channels, N.
        kernel: Size of the kernel along each axis.
        stride: Steps of the output along each axis.
        dilation: Steps of the kernel along each axis.
        groups: Number of groups.

    Examples:
        >>> ConvShape(1, 2, (5, 7), 4, (3, 3), (1, 2), (1, 1), 2).output_size
        (3, 3)
    """

    # Derived values are kept with an instance; `of` gives equal calls the same one.

    batch: int
    channels: int
    size: Sizes
    out_channels: int
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    groups: int

    @staticmethod
    def of(
        x: Sequence[int],
        w: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> "ConvShape":
        """Return the convolution of codes and weights of some shapes.

        Args:
            x: Shape of the padded input, `(B, C, *size)`.
            w: Shape of the weights, `(N, C / groups, *kernel)`.
            stride: As the attribute.
            dilation: Likewise.
            groups: Likewise.
        """
        sizes = tuple(x), tuple(w), tuple(stride), tuple(dilation), groups
        try:
            return _shared_shape(*sizes)
        except TypeError:  # symbolic sizes have no hash
            return _shape(*sizes)

    @Derived
    def output_size(self) -> Sizes:
        """Size of the output along each axis."""
        axes = zip(self.size, self.kernel, self.stride, self.dilation, strict=True)
        return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes)

    @Derived
    def depth(self) -> int:
        """Products in one output, K."""
        return self.channels // self.groups * math.prod(self.kernel)

    @property
    def rows(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.groups

    @Derived
    def lines(self) -> "ConvLines":
        """Where codes stand and sums go; see `conv_lines`."""
        return _lines(self)


def _shape(x: Sizes, w: Sizes, stride: Sizes, dilation: Sizes, groups: int) -> ConvShape:
    return ConvShape(x[0], x[1], x[2:], w[0], w[2:], stride, dilation, groups)


_shared_shape = remembered(_shape)


class ConvLines(NamedTuple):
    """What `conv_lines` needs of a shape.

    Attributes:
        group: Codes from one group to the next.
        taps: As `CodeLines` has them.
        lines: Likewise.
        length: Likewise.
        places: Where sums go.
    """

    group: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int
    places: SumPlaces


def conv_lines(x: NDArray[np.uint8], shape: ConvShape) -> tuple[CodeLines, SumPlaces]:
    """Return where a convolution's codes stand and its sums go.

    The positions of a line are neighbours in the output's last axis. Where they are not neighbours
    in the input, since the convolution strides along that axis, the input is copied with every
    stride-th code side by side. Where few output channels share a group, rows of an image follow
    each other in one line, which is then read in place.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, C-contiguous.
        shape: The convolution.

    Returns:
        The codes of step k = (channel, *tap) and position m = (image, *output), and the places of
        the sums in an array `(B, N, *output_size)`.
    """
    x = by_phase(x, shape.stride[-1])
    group, taps, lines, length, places = shape.lines
    return CodeLines(x.reshape(-1), group, taps, lines, length, 1), places


def by_phase(x: NDArray[np.uint8], hop: int) -> NDArray[np.uint8]:
    """Return codes with every hop-th one of the last axis side by side, C-contiguous.

    Args:
        x: Codes, C-contiguous.
        hop: Stride along the last axis.
    """
    if hop == 1:
        return x
    width = -(-x.shape[-1] // hop)
    phases = np.empty((*x.shape[:-1], hop, width), np.uint8)
    for phase in range(hop):
        part = x[..., phase::hop]
        phases[..., phase, : part.shape[-1]] = part
        # Read, perhaps, but never for a result; a code that occurs, as kernels expect.
        phases[..., phase, part.shape[-1] :] = x[..., -1:]
    return phases


class ChannelMemory(NamedTuple):
    """Where the codes of a channel stand after `by_phase`.

    Attributes:
        sizes: Codes along each axis.
        steps: Codes from one index to the next along all axes but the last.
        taps: Codes from the first tap of a receptive field to each, int64.
    """

    sizes: Sizes
    steps: Sizes
    taps: NDArray[np.int64]

    @classmethod
    def of(cls, shape: ConvShape) -> "ChannelMemory":
        """Describe the channels of a convolution's padded input."""
        hop = shape.stride[-1]
        width = -(-shape.size[-1] // hop)
        sizes = (*shape.size[:-1], hop * width)
        steps = tuple(math.prod(sizes[axis + 1 :]) for axis in range(len(sizes) - 1))
        last_tap = np.arange(shape.kernel[-1]) * shape.dilation[-1]
        taps = sums_of_offsets(
            *(
                np.arange(k) * d * step
                for k, d, step in zip(shape.kernel[:-1], shape.dilation[:-1], steps, strict=True)
            ),
            last_tap % hop * width + last_tap // hop,
        )
        return cls(sizes, steps, taps)


def _lines(shape: ConvShape) -> ConvLines:
    sizes, steps, of_channel = ChannelMemory.of(shape)
    channel = math.prod(sizes)
    taps = sums_of_offsets(np.arange(shape.channels // shape.groups) * channel, of_channel)
    output, outer = shape.output_size, len(shape.size) - 1
    length = pitch = output[-1]
    if outer and shape.rows < IN_PLACE_ROWS and shape.stride[-2] == 1 and output[-1]:
        outer -= 1
        pitch = steps[-1]
        length = (output[-2] - 1) * pitch + output[-1]
    lines = sums_of_offsets(
        np.arange(shape.batch) * shape.channels * channel,
        *(
            np.arange(n) * s * step
            for n, s, step in zip(output[:outer], shape.stride[:outer], steps[:outer], strict=True)
        ),
    )
    sums_of_a_line = math.prod(output[outer:])
    places = sums_of_offsets(
        np.arange(shape.batch) * shape.out_channels * math.prod(output),
        np.arange(math.prod(output[:outer])) * sums_of_a_line,
    )
    results = math.prod(output)
    return ConvLines(
        shape.channels // shape.groups * channel,
        taps,
        lines,
        length,
        SumPlaces(shape.rows * results, results, places, pitch, output[-1], 1),
    )


def sums_of_offsets(*offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums of one offset from each array, in the arrays' nesting order."""
    return reduce(lambda a, b: np.add.outer(a, b).reshape(-1), offsets).astype(np.int64)
