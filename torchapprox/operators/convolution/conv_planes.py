"""A convolution's receptive fields as places in the planes of its channels."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.features.code_planes import CodePlanes
from torchapprox.kernels.results.sum_places import SumPlaces
from torchapprox.operators.convolution.conv_lines import (
    ChannelMemory,
    ConvShape,
    by_phase,
    sums_of_offsets,
)
from torchapprox.operators.remembered import remembered


class ConvPlanes(NamedTuple):
    """What `conv_planes` needs of a shape.

    Attributes:
        channel: Codes of a channel.
        taps: As `CodePlanes` has them.
        lines: Likewise.
        length: Likewise.
        places: Where sums go.
    """

    channel: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int
    places: SumPlaces


def conv_planes(x: NDArray[np.uint8], shape: ConvShape, lanes: int) -> tuple[CodePlanes, SumPlaces]:
    """Return where a convolution's codes stand by channel, and where its sums go.

    A kernel of one element that strides skips codes, which are left out first. Else, where the
    convolution strides along the last axis, every stride-th code of it is put side by side. Rows of
    an image follow each other in one line where that takes fewer vectors.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, C-contiguous.
        shape: The convolution.
        lanes: Positions of a vector.

    Returns:
        The codes of position m = (image, *output), and the places of the sums in an array
        `(B, N, *output_size)`.
    """
    if math.prod(shape.kernel) == 1 and set(shape.stride) != {1}:
        used: Any = (..., *(slice(None, None, step) for step in shape.stride))
        x = np.ascontiguousarray(x[used])
        one = (1,) * len(shape.kernel)
        shape = ConvShape.of(
            x.shape, (shape.out_channels, shape.depth, *one), one, one, shape.groups
        )
    channel, taps, lines, length, places = _planes(shape, lanes)
    per_group = shape.channels // shape.groups
    codes = by_phase(x, shape.stride[-1]).reshape(-1)
    strides = per_group * channel, channel, shape.channels * channel, 1
    return CodePlanes(codes, *strides, per_group, shape.batch, taps, lines, length), places


def conv_vectors(shape: ConvShape, lanes: int) -> int:
    """Return how many vectors of positions a convolution fills, some of them in part."""
    planes = _planes(shape, lanes)
    return shape.batch * len(planes.lines) * -(-planes.length // lanes)


@remembered
def _planes(shape: ConvShape, lanes: int) -> ConvPlanes:
    sizes, steps, taps = ChannelMemory.of(shape)
    output, outer = shape.output_size, len(shape.size) - 1
    length = pitch = output[-1]
    if outer and shape.stride[-2] == 1:
        together = (output[-2] - 1) * steps[-1] + output[-1]
        if -(-together // lanes) <= output[-2] * -(-output[-1] // lanes):
            outer -= 1
            pitch, length = steps[-1], together
    lines = sums_of_offsets(
        np.zeros(1, np.int64),
        *(
            np.arange(n) * s * step
            for n, s, step in zip(output[:outer], shape.stride[:outer], steps[:outer], strict=True)
        ),
    )
    results = math.prod(output)
    places = sums_of_offsets(
        np.arange(shape.batch) * shape.out_channels * results,
        np.arange(math.prod(output[:outer])) * math.prod(output[outer:]),
    )
    return ConvPlanes(
        math.prod(sizes),
        taps,
        lines,
        length,
        SumPlaces(shape.rows * results, results, places, pitch, output[-1], 1),
    )
