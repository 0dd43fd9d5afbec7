"""Where a kernel writes the sums of products, and the real numbers that they stand for."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ONE_LINE = np.zeros(1, np.int64)
"""Where the lines of codes or of sums begin that have one."""


class SumPlaces(NamedTuple):
    """Where sums go.

    The sum of group g, row r and position m = l * length + i goes to

        g * group + r * row + step * (lines[l] + (i // pitch) * kept + i % pitch).

    Sums with ``i % pitch >= kept`` are dropped: between the rows of an image that is looked up as
    one line, they mix the end of one row with the beginning of the next.

    Attributes:
        group: Places from one group to the next.
        row: Places from one row to the next.
        lines: int64 `(L,)`.
        pitch: Positions from one row of a line to the next.
        kept: Positions of a row that are written.
        step: Places from one position to the next; ``row`` is 1 where it is not 1.
    """

    group: int
    row: int
    lines: NDArray[np.int64]
    pitch: int
    kept: int
    step: int


class Rescaling(NamedTuple):
    """Real numbers that sums stand for: ``out = float(sum - offset[c]) * scale[c] + bias[c]``.

    The difference is one of float64 numbers, which is exact and takes two instructions where those
    of 64-bit integers become floats one by one (AVX2); the rest is computed in the type of the
    result.

    Attributes:
        offset: float64 `(C,)`, integers of less than 2^52.
        scale: float32 or float64 `(C,)`.
        bias: Likewise.
        of_rows: Whether channel c is that of row ``group * R + r``; else of position
            ``group * M + m``.
    """

    offset: NDArray[np.float64]
    scale: NDArray[Any]
    bias: NDArray[Any]
    of_rows: bool


def bits_of(out: NDArray[Any]) -> int:
    """Return the bits of real numbers; 0 where ``out`` takes sums, which are int32."""
    return 0 if out.dtype == np.int32 else 8 * out.itemsize


def terms_of(
    rescaling: Rescaling | None,
) -> tuple[NDArray[Any] | int, NDArray[Any] | int, NDArray[Any] | int, bool]:
    """Return offset, scale, bias and ``of_rows``; zeros without a rescaling."""
    return (0, 0, 0, False) if rescaling is None else rescaling
