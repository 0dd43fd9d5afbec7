"""Tables in the forms that the CPU kernels read, prepared once and found again by content."""

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.lookup.table_planes import SPLITS, Planes, split_table

# A library to choose from rarely has more multipliers; each takes up to 1 MB. Were one more in turn
# than are kept, each would be prepared and factorised again whenever its turn comes.
TABLES_KEPT = 128


class LookupTable:
    """A product table, and its forms as they are first asked for.

    Attributes:
        by_x: Products, int32 `(256, 256)`, C-contiguous, row = activation code; a copy.
        by_w: The same transposed, C-contiguous.
    """

    def __init__(self, lut: NDArray[np.int32]) -> None:
        self.by_x: NDArray[np.int32] = np.array(lut, order="C")
        self.by_w: NDArray[np.int32] = np.array(lut.T, order="C")
        self._planes: dict[tuple[str, bool, str], Planes | None] = {}

    def planes(self, kernel: str, *, x_selects_rows: bool, columns: str) -> Planes | None:
        """Return a kernel's planes; None where an entry less its row's least exceeds 16 bits.

        Args:
            kernel: A key of `SPLITS`.
            x_selects_rows: Whether activation codes select rows, else weight codes.
            columns: Which columns, as `split_table` takes it.
        """
        key = kernel, x_selects_rows, columns
        if key not in self._planes:
            table = self.by_x if x_selects_rows else self.by_w
            self._planes[key] = split_table(table, columns, SPLITS[kernel])
        return self._planes[key]


def lookup_table(lut: NDArray[np.int32]) -> LookupTable:
    """Return the prepared table with the content of ``lut``.

    The content decides, not the array's identity: memory is reused, and written in place.

    Args:
        lut: Products, int32 `(256, 256)`, row = activation code, in any layout.
    """
    global _tables  # noqa: PLW0603  replaced as a whole, so that threads and forks need no lock
    by_w = lut.T.flags.c_contiguous
    wanted = lut.T if by_w else np.ascontiguousarray(lut)
    tables = _tables
    for place, table in enumerate(tables):
        if _equal(table.by_w if by_w else table.by_x, wanted):
            if place:
                _tables = (table, *tables[:place], *tables[place + 1 :])
            return table
    table = LookupTable(lut)
    _tables = (table, *tables[: TABLES_KEPT - 1])
    return table


_tables: tuple[LookupTable, ...] = ()


@jit_cpu
def _equal(first, second):
    for row in range(256):
        difference = np.int32(0)
        for column in range(256):
            difference |= first[row, column] ^ second[row, column]
        if difference != 0:
            return False
    return True
