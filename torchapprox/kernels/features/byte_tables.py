"""Features of operand codes in bytes: four integers of 8 bits in a word of 32."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ByteTables:
    """The features of every code of one operand, whose channels fill words by fours.

    Attributes:
        pairs: uint32 `(r, 64)`, the terms' bytes of all codes, as registers hold them.
        last: uint32 `(r * 256,)`, each term's byte in the lowest bits of a word.
        rank: Number of terms, r.
        flip: 0 or 128 where the only term's byte is ``code ^ flip``; else -1.
        begins: int64 `(256,)`, what each code of a row brings to the sums, since bytes of positions
            are their features less the least one; zeros for positions.
    """

    SHARE: ClassVar[int] = 4
    pairs: NDArray[np.uint32]
    last: NDArray[np.uint32]
    rank: int
    flip: int
    begins: NDArray[np.int64]

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> "tuple[ByteTables, ByteTables] | None":
        """Pack the features of both operands of a product, of the same number of terms.

        Those of the rows become signed bytes, those of the positions unsigned ones, as the
        instruction multiplies them. None where a term's do not fit, whatever its sign.

        Args:
            rows: `(r, 256)`.
            positions: `(r, 256)`.

        Examples:
            >>> codes = np.arange(256)[None]
            >>> signed = (codes ^ 128) - 128
            >>> [tables.flip for tables in ByteTables.of(signed, codes)]
            [0, 0]
            >>> ByteTables.of(codes, codes) is None
            True
        """
        span = positions.max(1) - positions.min(1)
        as_they_are = (rows.min(1) >= -128) & (rows.max(1) <= 127)
        negated = (rows.min(1) >= -127) & (rows.max(1) <= 128)
        if (span > 255).any() or not (as_they_are | negated).all():
            return None
        sign = np.where(as_they_are, 1, -1)[:, None]
        rows, positions = rows * sign, positions * sign
        least = positions.min(1)
        of_positions = cls._of(positions - least[:, None], np.zeros(256, np.int64))
        return cls._of(rows, least @ rows), of_positions

    @classmethod
    def _of(cls, features: NDArray[np.int64], begins: NDArray[np.int64]) -> "ByteTables":
        last = (features & 255).astype(np.uint32)
        codes = np.arange(256)
        flips = (flip for flip in (0, 128) if len(last) == 1 and (last == codes ^ flip).all())
        in_registers = last.astype(np.uint8).view(np.uint32)
        return cls(in_registers, last.reshape(-1), len(last), next(flips, -1), begins)

    @property
    def half(self) -> int:
        """Planes of each channel."""
        return 0

    @property
    def odd(self) -> int:
        """Planes of `SHARE` channels beside these."""
        return self.rank

    def planes(self, channels: int) -> int:
        """Return the number of planes of some channels."""
        return self.rank * -(-channels // 4)
