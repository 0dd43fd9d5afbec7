"""Features of operand codes in bytes: four integers of 8 bits in a word of 32."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.features.code_words import CodeWords
from torchapprox.kernels.features.pair_unit import PairUnit, byte_unit

_CODES = 256


@dataclass(frozen=True, slots=True, eq=False)
class ByteTables:
    """The features of every code of one operand, whose channels fill words by fours.

    Attributes:
        pairs: uint32 `(r, 64)`, the terms' bytes of all codes, as registers hold them.
        halves: Of these that codes lie in: 1 where all are below 128, else 2.
        last: uint32 `(r * 256,)`, each term's byte in the lowest bits of a word.
        rank: Number of terms, r.
        flip: 0 or 128 where the only term's byte is ``code ^ flip``; else -1.
        least: int64 `(r,)`, what the unsigned bytes of positions are less than their features, by
            which a row's bytes are multiplied; zeros for positions.
        shifted: Whether one of them is not 0.
        unsigned_rows: Whether the rows' bytes are the unsigned ones, and not the positions'.
        small: Whether 16 bits hold every sum of two products of bytes.
        narrow: Number of terms, the first ones, of which they hold every sum of four.
    """

    SHARE: ClassVar[int] = 4
    pairs: NDArray[np.uint32]
    halves: int
    last: NDArray[np.uint32]
    rank: int
    flip: int
    least: NDArray[np.int64]
    shifted: bool
    unsigned_rows: bool
    small: bool
    narrow: int

    @classmethod
    def of(
        cls,
        rows: NDArray[np.int64],
        positions: NDArray[np.int64],
        *,
        codes: tuple[int, int] = (_CODES, _CODES),
        unsigned_rows: bool = False,
    ) -> "tuple[ByteTables, ByteTables] | None":
        """Pack the features of both operands of a product, of the same number of terms.

        One operand's become signed bytes, the other one's unsigned ones, as the instruction
        multiplies them. None where a term's do not fit, whatever its sign.

        Args:
            rows: `(r, 256)`.
            positions: `(r, 256)`.
            codes: How many codes of the rows and of the positions occur, the lowest ones.
            unsigned_rows: Whether the rows' are to be the unsigned ones, which are then taken as
                they are.

        Examples:
            >>> values = np.arange(256)[None]
            >>> signed = (values ^ 128) - 128
            >>> [tables.flip for tables in ByteTables.of(signed, values)]
            [0, 0]
            >>> ByteTables.of(values, values) is None
            True
            >>> ByteTables.of(values, values, codes=(128, 256))[0].small
            False
        """
        if unsigned_rows:
            found = cls.of(positions, rows, codes=codes[::-1])
            if found is None or found[0].shifted:
                return None
            of_positions, of_rows = (replace(tables, unsigned_rows=True) for tables in found)
            return of_rows, of_positions
        seen = rows[:, : codes[0]], positions[:, : codes[1]]
        least, most = seen[0].min(1), seen[0].max(1)
        span = seen[1].max(1) - seen[1].min(1)
        as_they_are = (least >= -128) & (most <= 127)
        negated = (least >= -127) & (most <= 128)
        if (span > 255).any() or not (as_they_are | negated).all():
            return None
        sign = np.where(as_they_are, 1, -1)[:, None]
        first = (sign * seen[1]).min(1)
        greatest = span * np.maximum(np.where(as_they_are, most, -least), 0)
        lowest = span * np.minimum(np.where(as_they_are, least, -most), 0)
        small, narrow = ((n * greatest < 2**15) & (n * lowest >= -(2**15)) for n in (2, 4))
        order, bounds = np.argsort(~narrow, kind="stable"), (bool(small.all()), int(narrow.sum()))
        signed, unsigned = (sign * rows)[order], (sign * positions - first[:, None])[order]
        return (
            cls._of(signed, codes[0], first[order], *bounds),
            cls._of(unsigned, codes[1], 0 * first, *bounds),
        )

    @classmethod
    def _of(
        cls,
        features: NDArray[np.int64],
        count: int,
        least: NDArray[np.int64],
        small: bool,
        narrow: int,
    ) -> "ByteTables":
        last = (features & 255).astype(np.uint32)
        codes, halves = np.arange(_CODES), 1 if count <= _CODES // 2 else 2
        flips = (flip for flip in (0, 128) if len(last) == 1 and (last == codes ^ flip).all())
        in_registers = last.astype(np.uint8).view(np.uint32)
        flip, shifted = next(flips, -1), bool(least.any())
        return cls(
            *(in_registers, halves, last.reshape(-1), len(last), flip, least, shifted),
            unsigned_rows=False,
            small=small,
            narrow=narrow,
        )

    def unit(self) -> PairUnit:
        """Return what multiplies these bytes fastest on this CPU."""
        return byte_unit(small=self.small, unsigned_rows=self.unsigned_rows)

    @property
    def half(self) -> int:
        """Planes of each channel."""
        return 0

    @property
    def odd(self) -> int:
        """Planes of `SHARE` channels beside these."""
        return self.rank

    def words(self) -> CodeWords:
        """Return what compiled code takes."""
        tables = self.pairs, self.halves, self.last, self.flip
        return CodeWords(
            self.half, self.odd, self.SHARE, *tables, self.least, self.shifted, self.narrow
        )

    def planes(self, channels: int) -> int:
        """Return the number of planes of some channels."""
        return self.rank * -(-channels // 4)
