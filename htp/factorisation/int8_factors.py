"""Integer factors as int8 operands, for engines that multiply int8 and add up in int32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8Array = npt.NDArray[np.int8]
Int64Array = npt.NDArray[np.int64]

_DIGIT = 256
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Int8Factors:
    """A table as a weighted sum of products of shifted int8 columns and rows.

        table[x, w] = sum_t weights[t] (left[x, t] + left_shift[t]) (right[t, w] + right_shift[t])

    Terms of one weight make one GEMM of int8 operands; products of a shift and a sum of operands
    are added afterwards. A shift other than 0 is taken where a column's entries fit int8 only so,
    as unsigned operands do with 128. Of a column whose entries span more than 256 values, the
    common divisor becomes weight; where that is not enough, it is split into digits of the base
    256: one term of weight 1 and one of weight 256, or more.

    Attributes:
        left: int8 `(256, t)`, by the code of x.
        right: int8 `(t, 256)`, by the code of w.
        left_shift: int64 `(t,)`.
        right_shift: int64 `(t,)`.
        weights: int64 `(t,)`, positive.
    """

    left: Int8Array
    right: Int8Array
    left_shift: Int64Array
    right_shift: Int64Array
    weights: Int64Array

    @property
    def cost(self) -> tuple[int, int]:
        """Number of terms, and of the GEMMs that they make: one for each weight.

        Examples:
            >>> int8_factors(np.arange(256)[:, None] * 3, np.ones((1, 256), np.int64)).cost
            (1, 1)
        """
        return len(self.weights), len(np.unique(self.weights))

    @property
    def exact_depth(self) -> int:
        """Greatest K for which int32 holds every partial sum of each weight's GEMM.

        A partial sum over K operand pairs, in any order, is at most K times the greatest sum of
        the magnitudes of one pair's products.

        Examples:
            >>> ones = np.ones((256, 1), np.int64)
            >>> int8_factors(ones, 127 * ones.T).exact_depth == (2**31 - 1) // 127
            True
        """
        left, right = np.abs(self.left.astype(np.int64)), np.abs(self.right.astype(np.int64))
        greatest = max(
            int((left[:, self.weights == weight] @ right[self.weights == weight]).max())
            for weight in np.unique(self.weights)
        )
        return _INT32_MAX // max(greatest, 1)

    @property
    def table(self) -> Int64Array:
        """The table, int64 `(256, 256)`, by the formula above."""
        left = (self.left + self.left_shift) * self.weights
        return np.asarray(left @ (self.right + self.right_shift[:, None]), dtype=np.int64)


def int8_factors(left: Int64Array, right: Int64Array) -> Int8Factors:
    """Return integer factors as int8 operands; see `Int8Factors`.

    Args:
        left: int64 `(256, r)`.
        right: int64 `(r, 256)`.

    Examples:
        >>> codes = np.arange(256)
        >>> factors = int8_factors(codes[:, None], codes[None, :])
        >>> factors.left_shift.tolist(), factors.left[:2, 0].tolist()
        ([128], [-128, -127])
        >>> bool((factors.table == np.outer(codes, codes)).all())
        True
    """
    terms = [
        (x_digit, w_digit, x_shift, w_shift, x_weight * w_weight)
        for k in range(len(right))
        for x_digit, x_shift, x_weight in _digits(left[:, k])
        for w_digit, w_shift, w_weight in _digits(right[k])
    ]
    columns, rows, left_shift, right_shift, weights = zip(*terms, strict=True)
    return Int8Factors(
        np.stack(columns, axis=1).astype(np.int8),
        np.stack(rows).astype(np.int8),
        np.array(left_shift, np.int64),
        np.array(right_shift, np.int64),
        np.array(weights, np.int64),
    )


def _digits(column: Int64Array) -> list[tuple[Int64Array, int, int]]:
    """Split integers into digits that fit int8: digit, shift and weight, lowest weight first."""
    low, high = int(column.min()), int(column.max())
    if low >= -128 and high <= 127:
        return [(column, 0, 1)]
    if high - low < _DIGIT:
        shift = 128 if low >= 0 and high < _DIGIT else low + 128
        return [(column - shift, shift, 1)]
    divisor = int(np.gcd.reduce(column))
    if divisor > 1:
        parts = _digits(column // divisor)
        return [(part, shift, divisor * weight) for part, shift, weight in parts]
    digit = (column + 128) % _DIGIT - 128
    higher = _digits((column - digit) // _DIGIT)
    return [(digit, 0, 1), *((part, shift, _DIGIT * weight) for part, shift, weight in higher)]
