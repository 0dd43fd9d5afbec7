"""The integer factors of a product table as kernels multiply them, found once per content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from htp import ARITHMETICS, Arithmetic, Factorisation, RankError, factorise
from multipliers import Multiplier
from multipliers.characterisation.rank import least_rank
from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.pair_tables import PairTables
from torchapprox.kernels.lookup.lookup_table import LookupTable

MOST_TERMS = 64
FEW = 128
"""Codes of a quantiser of 7 bits, the default for activations: half of all."""

_CODES = 256
_INT32_MAX = 2**31 - 1
_SIGNEDNESS = ((True, True), (False, False), (True, False), (False, True))


@dataclass(frozen=True, slots=True, eq=False)
class Int8Part:
    """The terms of one weight, which one product of int8 operands sums up on a CUDA device.

    Attributes:
        weight: Factor of the product.
        left: int8 `(r, 256)`, by the code of x, C-contiguous.
        right: int8 `(r, 256)`, by the code of w, C-contiguous.
    """

    weight: int
    left: NDArray[np.int8]
    right: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class TableFactors:
    """A factorised table: integers whose products sum up to its entries.

    With integers of 16 bits and with floats, left and right factor are used as they are,

        sum_k table[x_k, w_k] = sum_k sum_t left[t, x_k] right[t, w_k];

    with int8 operands, a sum of the table's products is

        sum_parts weight * sum_k sum_t left[t, x_k] right[t, w_k]
        + sum_k x_shift[x_k] + sum_k w_shift[w_k].

    Attributes:
        left: int64 `(r, 256)`, by the code of x, C-contiguous.
        right: int64 `(r, 256)`, by the code of w, C-contiguous.
        parts: The int8 terms.
        x_shift: int64 `(256,)`, by the code of x; None for zeros.
        w_shift: int64 `(256,)`, by the code of w; None for zeros.
        depths: How many products one exact sum may have, by arithmetic; see `htp.Factorisation`.
        pairs: Both factors as the CPU's kernel reads them; None where one exceeds 16 bits.
        x_rows: Both factors in bytes, x's for the kernel's rows; None where one does not fit.
        w_rows: Likewise, those of w for the rows.
        few_x_rows: As ``x_rows``, where the codes of x are below `FEW`.
        few_w_rows: As ``w_rows``, likewise.
        depth: How many products a sum may have for the CPU's kernel, which int32 then holds.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    parts: tuple[Int8Part, ...]
    x_shift: NDArray[np.int64] | None
    w_shift: NDArray[np.int64] | None
    depths: Mapping[Arithmetic, int]
    pairs: tuple[PairTables, PairTables] | None
    x_rows: tuple[ByteTables, ByteTables] | None
    w_rows: tuple[ByteTables, ByteTables] | None
    few_x_rows: tuple[ByteTables, ByteTables] | None
    few_w_rows: tuple[ByteTables, ByteTables] | None
    depth: int

    @classmethod
    def of(cls, found: Factorisation) -> "TableFactors":
        """Take a factorisation apart."""
        int8 = found.int8
        parts = tuple(
            Int8Part(
                int(weight),
                np.ascontiguousarray(int8.left.T[int8.weights == weight]),
                np.ascontiguousarray(int8.right[int8.weights == weight]),
            )
            for weight in np.unique(int8.weights)
        )
        # (left + left_shift) (right + right_shift) less left right.
        x_shift = int8.left @ (int8.weights * int8.right_shift)
        w_shift = (int8.weights * int8.left_shift) @ (int8.right + int8.right_shift[:, None])
        left, right = np.ascontiguousarray(found.left.T), found.right
        x_pairs, w_pairs = PairTables.of(left), PairTables.of(right)
        largest = int(np.abs(left.T @ right).max())
        return cls(
            left,
            right,
            parts,
            x_shift if x_shift.any() else None,
            w_shift if w_shift.any() else None,
            {arithmetic: found.exact_depth(arithmetic) for arithmetic in ARITHMETICS},
            None if x_pairs is None or w_pairs is None else (x_pairs, w_pairs),
            _in_bytes(left, right, (_CODES, _CODES)),
            _in_bytes(right, left, (_CODES, _CODES)),
            _in_bytes(left, right, (FEW, _CODES)),
            _in_bytes(right, left, (_CODES, FEW)),
            _INT32_MAX // max(1, largest),
        )

    @property
    def rank(self) -> int:
        """Number of terms, r."""
        return len(self.left)

    @property
    def int8_terms(self) -> int:
        """Number of int8 terms in all parts."""
        return sum(len(part.left) for part in self.parts)


def _in_bytes(
    rows: NDArray[np.int64], positions: NDArray[np.int64], codes: tuple[int, int]
) -> tuple[ByteTables, ByteTables] | None:
    """Return features in bytes, with small products where one of the two ways has them."""
    ways = [
        ByteTables.of(rows, positions, codes=codes, unsigned_rows=unsigned_rows)
        for unsigned_rows in (False, True)
    ]
    found = [tables for tables in ways if tables is not None]
    small = (tables for tables in found if tables[0].small)
    return next(small, found[0] if found else None)


def table_factors(table: LookupTable, *, most_terms: int = MOST_TERMS) -> TableFactors | None:
    """Return the factors of a table; None where it has more than ``most_terms``.

    A high rank is noticed before any factor is computed. What was found is kept as long as the
    prepared table, so that layers with equal tables share it.

    Args:
        table: The table.
        most_terms: Greatest rank that is of use, at most `MOST_TERMS`.

    Examples:
        >>> from multipliers import get
        >>> table_factors(LookupTable(get("mul8s_tm_k3").lut)).rank
        1
    """
    if rank_exceeds(table, most_terms):
        return None
    known = _factors[table]
    if "factors" not in known:
        known["factors"] = _factorised(table)
    factors: TableFactors | None = known["factors"]
    return None if factors is None or factors.rank > most_terms else factors


def rank_exceeds(table: LookupTable, rank: int) -> bool:
    """Whether a table's rank is proven to be greater; what was found is kept.

    Examples:
        >>> from multipliers import get
        >>> table = LookupTable(get("mul8s_bam_h4_v6").lut)
        >>> rank_exceeds(table, 2), rank_exceeds(table, 3)
        (True, False)
    """
    known = _factors.setdefault(table, {"least": 0, "enough": 0})
    if known["least"] <= rank and known["enough"] <= rank:
        known["enough"] = rank + 1
        known["least"] = least_rank(table.by_x, enough=known["enough"])
    return bool(known["least"] > rank)


_factors: WeakKeyDictionary[LookupTable, dict[str, Any]] = WeakKeyDictionary()


def _factorised(table: LookupTable) -> TableFactors | None:
    """Factorise a table, or its error if that needs fewer int8 operands.

    The operands' signs decide what an error is and are not known here; a wrong guess only makes an
    error of a higher rank.
    """
    best: Factorisation | None = None
    for x_signed, w_signed in _SIGNEDNESS:
        if best is not None and best.fits_int8:
            break
        multiplier = Multiplier.from_lut(table.by_x, x_signed=x_signed, w_signed=w_signed)
        try:
            found = factorise(
                multiplier,
                part="smaller" if best is None else "error",
                max_rank=MOST_TERMS if best is None else best.rank,
            )
        except (RankError, ArithmeticError):
            if best is None:
                return None
            continue
        if best is None or found.int8.cost < best.int8.cost:
            best = found
    return None if best is None else TableFactors.of(best)
