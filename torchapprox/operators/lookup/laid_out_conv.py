"""A convolution in real units as matrix products of receptive fields that are laid out.

Positions select the rows of the table there where that is faster: of few positions and many output
channels, look-ups of weights fill vectors that those of positions would leave empty.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels.compiling.cpu_kernel import line_kernels
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.lookup.cpu_lookup import looked_up_reals
from torchapprox.operators.lookup.lut_conv import images_in_parts, receptive_fields


def laid_out_reals(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    shape: ConvShape,
    out: Tensor,
    terms: tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]],
    kernel: str | None,
) -> bool:
    """Fill ``out`` with a convolution; False where no kernel makes real numbers of sums.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        table: The products; sums of its entries fit int32.
        shape: The convolution.
        out: float32 or float64 `(B, N, *output_size)`, contiguous.
        terms: Offset, scale and bias of `Rescaling`, `(N,)`.
        kernel: As `forced_kernel` returns it.
    """
    if not line_kernels(kernel):  # before anything is laid out
        return False
    rows = w.view(shape.groups, shape.rows, shape.depth)
    by_group = out.view(shape.batch, shape.groups, shape.rows, *shape.output_size)
    first = 0
    for part in images_in_parts(x, shape):
        fields = receptive_fields(part, shape)
        reals = out.new_empty((shape.groups, fields.shape[1], shape.rows))
        if not looked_up_reals(fields, rows, table, reals, terms, kernel):
            return False
        of_images = reals.view(shape.groups, len(part), *shape.output_size, shape.rows)
        by_group[first : first + len(part)] = of_images.transpose(0, 1).movedim(-1, 2)
        first += len(part)
    return True
