"""Features of operand codes in pairs: two signed integers of 16 bits in a word of 32."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.features.code_words import CodeWords

_NO_LEAST = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PairTables:
    """The features of every code.

    Attributes:
        pairs: uint32 `(r // 2, 256)`, words of two terms.
        last: uint32 `(256,)`, the last term in the lower half of a word; empty where r is even.
        rank: Number of terms, r.
        flip: 0 or 128 where the only term is ``(code ^ flip) - flip``, the value of an unsigned or
            a signed code; else -1.
    """

    SHARE: ClassVar[int] = 2
    pairs: NDArray[np.uint32]
    last: NDArray[np.uint32]
    rank: int
    flip: int

    @classmethod
    def of(cls, features: NDArray[np.int64]) -> "PairTables | None":
        """Pack features `(r, 256)`; None where one needs more than 16 bits.

        Examples:
            >>> PairTables.of(np.arange(256)[None]).flip
            0
        """
        words = features.astype(np.int16)
        if not np.array_equal(words, features):
            return None
        low = words.view(np.uint16).astype(np.uint32)
        rank = len(words)
        even = rank // 2 * 2
        last = low[-1] if rank % 2 else np.zeros(0, np.uint32)
        codes = np.arange(256)
        flips = (
            flip for flip in (0, 128) if rank == 1 and ((codes ^ flip) - flip == features).all()
        )
        pairs = low[0:even:2] | low[1:even:2] << np.uint32(16)
        return cls(np.ascontiguousarray(pairs), np.ascontiguousarray(last), rank, next(flips, -1))

    @property
    def half(self) -> int:
        """Planes of each channel."""
        return self.rank // 2

    @property
    def odd(self) -> int:
        """Planes of `SHARE` channels beside these."""
        return self.rank % 2

    def words(self) -> CodeWords:
        """Return what compiled code takes."""
        tables = self.pairs, 2, self.last, self.flip
        return CodeWords(
            self.half, self.odd, self.SHARE, *tables, _NO_LEAST, shifted=False, narrow=0
        )

    def planes(self, channels: int) -> int:
        """Return the number of planes of some channels."""
        return channels * (self.rank // 2) + self.rank % 2 * -(-channels // 2)
