"""Small entries on both sides of an integer factorisation ``left @ right``.

Term k is the outer product of column c_k of the left and row r_k of the right factor. For any
integer t, adding t r_j to r_i and subtracting t c_i from c_j leaves the product as it is. The
measure ``sum_k |c_k|^2 |r_k|^2``, that of Seysen (1993) for a basis and its dual, changes by

    2 t (|c_i|^2 <r_i, r_j> - |r_j|^2 <c_i, c_j>) + 2 t^2 |c_i|^2 |r_j|^2,

so that the best t is the integer nearest to (<c_i, c_j> / |c_i|^2 - <r_i, r_j> / |r_j|^2) / 2. The
best pair goes first, until no step gains. It does not matter to the measure how a term's common
divisors are shared between its sides; they go where the larger of both maxima is least.
"""

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

_GAIN = 1e-9


def balanced(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return factors of the same product with small entries, ordered, signs fixed.

    The term of the greatest magnitude comes first; of equal ones, the one whose right row is
    greater. The entry of the greatest magnitude in a right row, the first of several, is positive
    unless only the other sign makes the term fit int8.

    Args:
        left: Integers, int64 `(m, r)`.
        right: Integers, int64 `(r, n)`, no row or column of a term zero.

    Examples:
        >>> left, right = balanced(np.array([[1, 7], [2, 15]]), np.array([[8, 0], [0, 3]]))
        >>> (left @ right).tolist()
        [[8, 21], [16, 45]]
        >>> left.tolist(), right.tolist()
        ([[2, 3], [4, 7]], [[4, 6], [0, 3]])
    """
    left, right = _descend(left.copy(), right.copy())
    for k in range(len(right)):
        left[:, k], right[k] = _shared(left[:, k], right[k])
    sizes = np.abs(left).max(axis=0) * np.abs(right).max(axis=1)
    order = sorted(range(len(right)), key=lambda k: (sizes[k], right[k].tolist()), reverse=True)
    return left[:, order], right[order]


def _descend(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    columns, rows = left.T.astype(np.float64), right.astype(np.float64)
    of_columns, of_rows = columns @ columns.T, rows @ rows.T
    while True:
        column_squares, row_squares = np.diag(of_columns)[:, None], np.diag(of_rows)[None, :]
        multiples = np.rint((of_columns / column_squares - of_rows / row_squares) / 2)
        np.fill_diagonal(multiples, 0)
        quadratic = 2 * column_squares * row_squares
        linear = 2 * (column_squares * of_rows - row_squares * of_columns)
        gains = -multiples * (linear + multiples * quadratic)
        i, j = np.unravel_index(np.argmax(gains), gains.shape)
        if gains[i, j] <= _GAIN * quadratic[i, j]:
            return left, right
        multiple = int(multiples[i, j])
        right[i] += multiple * right[j]
        left[:, j] -= multiple * left[:, i]
        columns[j], rows[i] = left[:, j], right[i]
        of_rows[i] = of_rows[:, i] = rows @ rows[i]
        of_columns[j] = of_columns[:, j] = columns @ columns[j]


def _shared(column: Int64Array, row: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Share the common divisors of a term between its sides, and fix its sign."""
    of_column, of_row = int(np.gcd.reduce(column)), int(np.gcd.reduce(row))
    column, row = column // of_column, row // of_row
    common = of_column * of_row
    widest_column, widest_row = int(np.abs(column).max()), int(np.abs(row).max())

    def worse_side(divisor: int) -> tuple[int, int]:
        return max(widest_column * divisor, widest_row * (common // divisor)), divisor

    best = min(_divisors(common), key=worse_side)
    column, row = column * best, row * (common // best)
    if row[np.argmax(np.abs(row))] < 0:
        column, row = -column, -row
    if not _fits_int8(column, row) and _fits_int8(-column, -row):
        column, row = -column, -row
    return column, row


def _divisors(number: int) -> list[int]:
    small = [divisor for divisor in range(1, int(number**0.5) + 1) if number % divisor == 0]
    return sorted({*small, *(number // divisor for divisor in small)})


def _fits_int8(*sides: Int64Array) -> bool:
    return all(side.min() >= -128 and side.max() <= 127 for side in sides)
