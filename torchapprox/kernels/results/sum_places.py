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


class Results(NamedTuple):
    """What a product of groups, rows and positions is written to.

    Attributes:
        out: int32 for sums, or of the type of the rescaling's scale, one-dimensional.
        places: Where in ``out`` the sums go.
        rescaling: What makes real numbers of sums; `NOTHING` for the sums themselves.
        rows: Rows of a group, R.
        positions: Positions of a group, M.
        length: Positions in a line.
    """

    out: NDArray[Any]
    places: SumPlaces
    rescaling: Rescaling
    rows: int
    positions: int
    length: int

    @property
    def bits(self) -> int:
        """Bits of the real numbers; 0 for sums."""
        return 0 if self.out.dtype == np.int32 else 8 * self.out.itemsize

    @property
    def by_rows(self) -> bool:
        """Whether rows are neighbours in ``out``, else positions."""
        return self.places.step != 1

    def turned(self) -> "Results":
        """Return results whose positions, in one line, are these rows, and the reverse."""
        group, row, _, _, _, step = self.places
        along = SumPlaces(group, step, ONE_LINE, self.rows, self.rows, row)
        terms = self.rescaling._replace(of_rows=not self.rescaling.of_rows)
        return Results(self.out, along, terms, self.positions, self.rows, self.rows)


_EMPTY = np.empty(0)
NOTHING = Rescaling(_EMPTY, _EMPTY, _EMPTY, of_rows=False)
"""What makes the sums themselves of sums."""
