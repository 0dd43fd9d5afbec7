"""Where the codes of a convolution's receptive fields stand, for CUDA kernels that read in place.

The code of output m = (image, *position) at step k = (channel, *tap) stands at

    field_start(m) + field_step(k)

in an array `(B, G, C, *size)`. Divisions are made of 32-bit numbers, which take a fraction of the
time of 64-bit ones on a device.

Importing this module needs `numba.cuda`, as `lookup_cuda` does.
"""

from typing import Any

import numba
import numpy as np
from numba import cuda as _cuda

from torchapprox.kernels.fields import Fields

cuda: Any = _cuda  # its members exist only where a driver or the simulator does


def field_sizes(fields: Fields) -> tuple[np.uint32, ...]:
    """Return the numbers of some fields as the device functions take them."""
    axes = *fields.size, *fields.kernel, *fields.stride, *fields.dilation
    numbers = fields.batch, fields.channels, *axes, *fields.output
    return tuple(np.uint32(number) for number in numbers)


@cuda.jit(device=True)
def field_start(m, group, groups, sizes):
    """Return where output m = (image, *position) of a group sees its first code."""
    channels, planes, lines, line = sizes[1:5]
    plane_stride, line_stride, stride = sizes[8:11]
    deep, high, wide = sizes[14:17]
    area = numba.uint32(high * wide)
    image, p = m // numba.uint32(deep * area), m % numba.uint32(deep * area)
    plane, p = p // area, numba.uint32(p % area)
    channel = (image * groups + group) * channels
    row = (channel * planes + plane * plane_stride) * lines + p // wide * line_stride
    return row * line + p % wide * stride


@cuda.jit(device=True)
def field_step(k, sizes):
    """Return how far code k = (channel, *tap) of an output stands from its first one."""
    planes, lines, line, deep, high, wide = sizes[2:8]
    plane_dilation, line_dilation, dilation = sizes[11:14]
    row, x = k // wide, k % wide
    plane, y = numba.uint32(row) // high, numba.uint32(row) % high
    channel, z = numba.uint32(plane) // deep, numba.uint32(plane) % deep
    line_of = (channel * planes + z * plane_dilation) * lines + y * line_dilation
    return line_of * line + x * dilation
