"""When a convolution of few products by output is looked up in words of three, and that."""

import torch
from torch import Tensor

from torchapprox.kernels import lookup_depthwise_cpu
from torchapprox.kernels.lookup.depthwise_cpu import COLUMNS, ChannelLines
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import Planes
from torchapprox.kernels.results.sum_places import Rescaling
from torchapprox.operators.convolution.channel_lines import channel_lines
from torchapprox.operators.convolution.conv_lines import ConvShape

_MOST_TABLES = 64  # of 2 KB each, which the second-level cache holds
# Measured in cycles of a Zen 3 core.
_CHANNEL_CYCLES = 150.0
_PACK_CYCLES = 0.7  # for a word
_LINE_CYCLES = 6.0  # for a line of codes
_WORD_CYCLES = 0.65  # for a word that is added
_SUM_CYCLES = 0.6  # for a word whose fields are added, and likewise
_RESULT_CYCLES = 0.7  # for a sum that is written
# What a line takes of kernels that look up in place, beside its positions.
_COPY_LINE_CYCLES = 3.0
_WRITE_LINE_CYCLES = 25.0


def depthwise_planes(
    table: LookupTable, shape: ConvShape, *, columns: str, in_place: float, laid_out: float
) -> Planes | None:
    """Return what `fill_depthwise` looks up in; None where it cannot, or others are faster.

    Args:
        table: The products; sums of its entries fit int32.
        shape: The convolution.
        columns: Of the table that codes of x select, as `columns_of` returns it.
        in_place: Cycles of the kernel that looks up in place, of long lines.
        laid_out: Cycles of products of receptive fields that are laid out.
    """
    places = channel_lines(shape)
    planes = table.planes("expanded", x_selects_rows=False, columns=columns)
    if planes is None or places.columns > COLUMNS or places.tables > _MOST_TABLES:
        return None
    lines = len(places.planes) * places.height
    of_lines = _COPY_LINE_CYCLES * shape.groups * shape.depth
    of_lines += _WRITE_LINE_CYCLES * shape.out_channels
    cycles = _cycles(places, planes, shape.out_channels)
    return None if cycles > min(in_place + lines * of_lines, laid_out) else planes


def fill_depthwise(
    x: Tensor,
    w: Tensor,
    planes: Planes,
    shape: ConvShape,
    out: Tensor,
    rescaling: Rescaling | None,
) -> None:
    """Fill ``out`` by `lookup_depthwise_cpu`.

    Args:
        x: Activation codes, contiguous.
        w: Weight codes, contiguous.
        planes: As `depthwise_planes` returns it.
        shape: The convolution.
        out: int32, or of the type of the rescaling's scale, contiguous.
        rescaling: What makes real numbers of sums; None for the sums themselves.
    """
    lookup_depthwise_cpu(
        planes,
        w.view(shape.out_channels, shape.depth).numpy(),
        x.view(-1).numpy(),
        channel_lines(shape),
        out.view(-1).numpy(),
        rescaling,
        threads=torch.get_num_threads(),
    )


def _cycles(places: ChannelLines, planes: Planes, channels: int) -> float:
    of_codes = places.lines_of_codes(places.height)
    words = places.tables // places.columns
    plane = of_codes * (places.length * places.columns * _WORD_CYCLES + _LINE_CYCLES)
    outputs = places.height * places.length
    plane += outputs * _SUM_CYCLES
    of_planes = len(places.planes) * (words * plane + outputs * _RESULT_CYCLES)
    pack = places.tables * planes.halves * 128 * _PACK_CYCLES
    return channels * (_CHANNEL_CYCLES + pack + of_planes)
