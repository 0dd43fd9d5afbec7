"""A convolution's codes and results by lines of its output, for the kernel of depthwise ones."""

import math

import numpy as np

from torchapprox.kernels.lookup.depthwise_cpu import ChannelLines
from torchapprox.operators.convolution.conv_lines import ConvShape, sums_of_offsets
from torchapprox.operators.remembered import remembered


@remembered
def channel_lines(shape: ConvShape) -> ChannelLines:
    """Return where the padded codes `(B, C, *size)` and the results `(B, N, *output_size)` stand.

    Args:
        shape: The convolution.
    """
    # With one axis, lines are planes of one line.
    size, kernel, output, stride, dilation = (
        (1, *axes) if len(shape.size) == 1 else axes
        for axes in (shape.size, shape.kernel, shape.output_size, shape.stride, shape.dilation)
    )
    channel, results = math.prod(size), math.prod(output)
    per_group = shape.channels // shape.groups
    steps = [math.prod(size[axis + 1 :]) for axis in range(len(size) - 2)]
    of_output = zip(output[:-2], stride[:-2], steps, strict=True)
    of_kernel = zip(kernel[:-2], dilation[:-2], steps, strict=True)
    return ChannelLines(
        group=per_group * channel,
        rows=shape.rows,
        planes=sums_of_offsets(
            np.arange(shape.batch) * shape.channels * channel,
            *(np.arange(n) * hop * step for n, hop, step in of_output),
        ),
        height=output[-2],
        length=output[-1],
        pitch=size[-1],
        hop_down=stride[-2],
        hop=stride[-1],
        outer=sums_of_offsets(
            np.arange(per_group) * channel,
            *(np.arange(n) * apart * step for n, apart, step in of_kernel),
        ),
        lines=kernel[-2],
        columns=kernel[-1],
        down=dilation[-2],
        across=dilation[-1],
        images=sums_of_offsets(np.arange(shape.batch) * shape.out_channels * results),
        results=results,
    )
