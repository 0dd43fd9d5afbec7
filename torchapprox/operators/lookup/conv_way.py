"""How a convolution is looked up without laying out receptive fields, on the CPU."""

import math
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import Planes
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.lookup.depthwise_conv import depthwise_planes
from torchapprox.operators.lookup.line_cycles import (
    Choice,
    ProductSizes,
    fastest_kernel,
    laid_out_cycles,
)
from torchapprox.operators.remembered import found_of


class ConvWay(NamedTuple):
    """What looks a convolution up.

    Attributes:
        words: The table, as `fill_depthwise` takes it, where that is fastest; else None.
        lines: The kernel that reads lines of codes, for all other convolutions.
    """

    words: Planes | None
    lines: Choice


def conv_way(
    kernels: tuple[str, ...],
    table: LookupTable,
    shape: ConvShape,
    columns: str,
    *,
    forced: bool,
) -> ConvWay | None:
    """Return how a convolution is looked up in place.

    None where no kernel can, or where to lay receptive fields out is faster and no kernel is
    forced: where positions are few, or rows and the CPU has no AVX2.

    Args:
        kernels: Names, as `line_kernels` returns them.
        table: The products; sums of its entries fit int32.
        shape: The convolution.
        columns: Of the table that codes of x select, as `columns_of` returns it.
        forced: Whether a kernel is forced.
    """
    key = kernels, shape, columns, forced
    find = partial(_found, kernels, table, shape, columns, forced)
    return found_of(_ways, table, key, find, _WAYS_KEPT)


# By table and convolution, since to compare ways takes longer than many a small one.
_ways: WeakKeyDictionary[LookupTable, dict[object, ConvWay | None]] = WeakKeyDictionary()
_WAYS_KEPT = 256  # of a table


def _found(
    kernels: tuple[str, ...], table: LookupTable, shape: ConvShape, columns: str, forced: bool
) -> ConvWay | None:
    sizes = ProductSizes(shape.rows, shape.depth, shape.batch * math.prod(shape.output_size))
    choice = fastest_kernel(kernels, table, sizes, x_selects_rows=False, columns=columns)
    if choice is None:
        return None
    if forced:
        return ConvWay(None, choice)
    laid_out = laid_out_cycles(kernels, table, sizes, shape.groups)
    in_place = shape.groups * choice.cycles
    words = None
    if "expanded" in kernels:  # not measured on CPUs with AVX-512
        words = depthwise_planes(
            table, shape, columns=columns, in_place=in_place, laid_out=laid_out
        )
    return None if words is None and in_place > laid_out else ConvWay(words, choice)
