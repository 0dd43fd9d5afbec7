"""Exact factorisation of product tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from htp.factorisation.balance import balanced
from htp.factorisation.factorisation import Factorisation
from htp.factorisation.lattice import integer_coordinates, row_lattice_basis
from htp.table import Table, as_multiplier, operand_values
from multipliers import Multiplier
from multipliers.characterisation.rank import exact_rank, least_rank
from multipliers.parameters import check_kind, check_parameter

Int64Array = npt.NDArray[np.int64]

DEFAULT_MAX_RANK = 64
"""Rank above which a table's look-up is faster than its products, on all machines measured."""

Part = Literal["smaller", "table", "error"]


class RankError(ValueError):
    """A table's rank is too high for a factorisation to pay.

    Attributes:
        rank: Number of products that an exact factorisation would take at least.
    """

    def __init__(self, name: str, rank: int, max_rank: int) -> None:
        super().__init__(
            f"'lut' must have a rank of at most {max_rank} for a factorisation to pay, got {name} "
            f"of at least {rank}; use the table, or htp.fit for an inexact model of fewer products"
        )
        self.rank = rank


def factorise(
    lut: Table, *, part: Part = "smaller", max_rank: int = DEFAULT_MAX_RANK
) -> Factorisation:
    """Write a product table as an exact product of two thin integer matrices.

    The right factor starts as a reduced basis of the lattice that the table's rows generate, of as
    many vectors as the rank over the rationals. Both factors are then made small together; see
    `htp/factorisation/balance.py`. The same table gives the same factors.

    Args:
        lut: A multiplier, or integers `(256, 256)`, ``lut[x_code, w_code]``, of signed operands.
        part: What to factorise: ``"table"``; ``"error"``, the table minus the exact products, to
            which the exact product is added as term 0; or ``"smaller"``, the one that gives fewer
            terms, of equally many the one that needs fewer int8 operands, then fewer GEMMs of
            them, and then the one with the smaller bound of partial sums.
        max_rank: Number of terms above which a factorisation is refused, before it is computed.

    Returns:
        The factorisation, exact.

    Raises:
        ArithmeticError: The numbers are beyond the precision of floats, as entries of 2^40 are.
        RankError: It would have more terms than ``max_rank``.
        TypeError: ``lut`` is neither a multiplier nor an array of integers.
        ValueError: ``lut`` has another shape, or ``part`` is not as above.

    Examples:
        >>> from multipliers import get
        >>> print(factorise(get("mul8s_bam_h0_v6")))
        mul8s_bam_h0_v6: rank 7, table factorised, entries up to 64 and 64
        >>> print(factorise(get("mul8s_bam_h0_v6"), part="error"))
        mul8s_bam_h0_v6: rank 7, error factorised, entries up to 128 and 128
    """
    multiplier = as_multiplier(lut)
    check_kind("part", part, str)
    if part not in ("smaller", *_MAKERS):
        raise ValueError(f"'part' must be 'smaller', 'table' or 'error', got {part!r}")
    max_rank = check_parameter("max_rank", max_rank, 0)
    tables = {"table": multiplier.lut.astype(np.int64), "error": _error(multiplier)}
    wanted = list(tables) if part == "smaller" else [part]
    # The proof of a rank takes long where it is high, and a lower bound refuses as well.
    least = min(_terms(name, least_rank(tables[name])) for name in wanted)
    if least > max_rank:
        raise RankError(multiplier.name, least, max_rank)
    terms = {name: _terms(name, exact_rank(tables[name])) for name in wanted}
    fewest = min(terms.values())
    if fewest > max_rank:
        raise RankError(multiplier.name, fewest, max_rank)
    found = [_MAKERS[name](multiplier, rank) for name, rank in terms.items() if rank == fewest]
    return min(found, key=lambda one: (one.int8.cost, one.greatest_sum))


def _terms(part: str, rank: int) -> int:
    """Return the terms of a factorisation: one even for zeros, the exact product beside errors."""
    return rank + 1 if part == "error" else max(1, rank)


def _of_table(multiplier: Multiplier, rank: int) -> Factorisation:
    left, right = _factors(multiplier.lut.astype(np.int64), rank)
    return Factorisation(multiplier, left, right, "table")


def _of_error(multiplier: Multiplier, rank: int) -> Factorisation:
    left, right = _factors(_error(multiplier), rank - 1)
    x, w = operand_values(multiplier)
    return Factorisation(multiplier, np.column_stack([x, left]), np.vstack([w, right]), "error")


_MAKERS: dict[str, Callable[[Multiplier, int], Factorisation]] = {
    "table": _of_table,
    "error": _of_error,
}


def _factors(table: Int64Array, rank: int) -> tuple[Int64Array, Int64Array]:
    if not table.any():
        return np.zeros((256, rank), np.int64), np.zeros((rank, 256), np.int64)
    right = row_lattice_basis(table)
    if len(right) != rank:
        raise ArithmeticError(f"a table of rank {rank} seems to have rank {len(right)} in floats")
    return balanced(integer_coordinates(table, right), right)


def _error(multiplier: Multiplier) -> Int64Array:
    return multiplier.lut.astype(np.int64) - multiplier.exact
