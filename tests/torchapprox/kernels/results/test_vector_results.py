"""What kernels write of a tile's sums: every layout and type against single elements."""

import ctypes

import numpy as np
import pytest

from torchapprox.kernels.compiling.record import integers_of
from torchapprox.kernels.results.sum_places import Rescaling, Results, SumPlaces
from torchapprox.kernels.results.vector_results import writer

KINDS = {0: np.int32, 32: np.float32, 64: np.float64}
# Rows and positions of a part: whole squares, none, and squares that end early.
PARTS = [(32, 48), (5, 9), (33, 50), (16, 17)]
# Lines of a tile: one; rows of 12 of which 10 are kept; several lines.
LINES = {"one": (1, 0, 0), "dropped": (1, 12, 10), "several": (5, 0, 0)}


@pytest.mark.parametrize("of_rows", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("bits", KINDS)
@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize(
    ("height", "positions", "in_python"), [*((*part, False) for part in PARTS), (5, 9, True)]
)
def test_every_sum_is_written_to_its_place(
    height, positions, in_python, lines, bits, transposed, of_rows
):
    """Rows 3 and up of group 1, and positions 7 and up, of a result of ones that stay."""
    source = np.random.default_rng(height)
    count, pitch, kept = LINES[lines]
    first, begin, width = 3, 7, positions + 5
    length = -(-(begin + positions) // count)
    pitch, kept = pitch or length, kept or length
    rows, places = first + height, count * (length // pitch + 1) * kept
    starts = np.arange(count) * (length // pitch + 1) * kept
    row_step, step = (1, rows) if transposed else (places, 1)
    sums = source.integers(-(2**31), 2**31, (height, width)).astype(np.int32)
    offset = source.integers(-(2**40), 2**40, 2 * max(rows, count * length))
    scale, bias = (source.standard_normal(len(offset)).astype(KINDS[bits]) for _ in range(2))
    wanted = np.full(2 * rows * places, 77, KINDS[bits])
    for r, p in np.ndindex(height, positions):
        line, i = divmod(begin + p, length)
        if i % pitch >= kept:
            continue
        to = rows * places + (first + r) * row_step
        to += step * (starts[line] + i // pitch * kept + i % pitch)
        value, channel = sums[r, p], rows + first + r if of_rows else count * length + begin + p
        if bits:
            exact = KINDS[bits](int(value) - int(offset[channel]))
            value = exact * scale[channel] + bias[channel]
        wanted[to] = value
    out = np.full_like(wanted, 77)
    places_of = SumPlaces(rows * places, row_step, starts.astype(np.int64), pitch, kept, step)
    terms = Rescaling(offset.astype(np.float64), scale, bias, of_rows)
    results = Results(out, places_of, terms, rows, count * length, length)
    part = first, first + height, begin, begin + positions
    piece = writer(bits, transposed)
    if in_python:
        piece.function(sums.reshape(-1), width, results, 1, *part)
    else:
        packed = np.array(integers_of(results))
        write = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 8)(piece.address)
        write(sums.ctypes.data, width, packed.ctypes.data, 1, *part)
    assert np.array_equal(out, wanted)
