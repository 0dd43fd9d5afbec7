"""Exact rank of integer matrices, by elimination modulo a prime and a proof over the rationals.

Elimination of A modulo a prime p finds rows and columns whose square submatrix is invertible mod p
and hence over the rationals: the rank mod p is a lower bound of the rank. It is the rank if the
other columns are rational combinations of those columns C. The elimination gives the
coefficients N mod p; fractions n/d with abs(n), d <= sqrt(p / 2) are found back from them, and
``A[:, C] N = A[:, rest]`` is then checked in integers. Where the fractions are larger, further
primes decide: all minors of one size more are multiples of every prime that gives the same rank,
and are 0 once the product of these primes exceeds Hadamard's bound of a minor.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

_PRIME = (1 << 31) - 1
_LIMIT = isqrt(_PRIME // 2)


def exact_rank(matrix: npt.NDArray[np.integer]) -> int:
    """Return the rank of an integer matrix over the rationals, proven.

    Args:
        matrix: Integers of less than 2^40 in size, `(rows, columns)`, at most 2^16 elements.

    Returns:
        The rank.

    Examples:
        >>> exact_rank(np.array([[1, 2, 3], [2, 4, 6], [0, 1, 1]]))
        2
    """
    different = _different_rows(_different_rows(matrix.astype(np.int64)).T)
    for oriented in (different, different.T):
        rank, columns, echelon = _eliminate(oriented, _PRIME)
        if rank == min(oriented.shape) or _proven(oriented, columns, echelon):
            return rank
    return _rank_by_primes(different, rank)


def least_rank(matrix: npt.NDArray[np.integer], *, enough: int | None = None) -> int:
    """Return a lower bound of the rank, fast: the rank modulo a prime of 31 bits.

    It is less than the rank only if the prime divides all minors of the rank's size, which no
    matrix does by chance.

    Args:
        matrix: As for `exact_rank`.
        enough: A bound at which to stop.

    Examples:
        >>> least_rank(np.eye(5, dtype=int)), least_rank(np.eye(5, dtype=int), enough=3)
        (5, 3)
    """
    if enough is not None and _sampled_rank(matrix, enough) == enough:
        return enough
    different = _different_rows(_different_rows(matrix.astype(np.int64)).T)
    return _eliminate(different, _PRIME, enough=enough)[0]


def _sampled_rank(matrix: npt.NDArray[np.integer], enough: int) -> int:
    """Return a lower bound by some rows and columns, which say of most matrices what all do."""
    draw = np.random.default_rng(0)
    kept = (draw.permutation(size)[: enough + enough // 2] for size in matrix.shape)
    return _eliminate(matrix[np.ix_(*kept)].astype(np.int64), _PRIME, enough=enough)[0]


def _different_rows(matrix: Int64Array) -> Int64Array:
    """Return each row once, in the order of the operand: its low powers of two come first."""
    return matrix[np.sort(np.unique(matrix, axis=0, return_index=True)[1])]


def _eliminate(
    matrix: Int64Array, prime: int, *, enough: int | None = None
) -> tuple[int, Int64Array, Int64Array]:
    """Return rank, pivot columns and, by these, the echelon form's rows `(rank, columns)`.

    A rank of ``enough`` ends the elimination.
    """
    rest = matrix % prime
    columns = np.arange(matrix.shape[1])
    most = min(matrix.shape) if enough is None else min(*matrix.shape, enough)
    for rank in range(most):
        nonzero = np.flatnonzero(rest[rank:, rank:])
        if not len(nonzero):
            return rank, columns, rest[:rank]
        row, column = (rank + int(index) for index in divmod(int(nonzero[0]), rest.shape[1] - rank))
        rest[[rank, row]] = rest[[row, rank]]
        rest[:, [rank, column]] = rest[:, [column, rank]]
        columns[[rank, column]] = columns[[column, rank]]
        pivot_row = rest[rank, rank:]
        pivot_row *= pow(int(pivot_row[0]), -1, prime)
        pivot_row %= prime
        below = rest[rank + 1 :, rank:]
        affected = np.flatnonzero(below[:, 0])
        below[affected] = (below[affected] - below[affected, :1] * pivot_row) % prime
    return most, columns, rest[:most]


def _proven(matrix: Int64Array, columns: Int64Array, echelon: Int64Array) -> bool:
    """Return whether the other columns are combinations of the pivots' with small fractions."""
    rank = len(echelon)
    coefficients = echelon[:, rank:].copy()
    for pivot in range(rank - 1, 0, -1):  # back substitution
        above = echelon[:pivot, pivot]
        coefficients[:pivot] -= above[:, None] * coefficients[pivot] % _PRIME
        coefficients[:pivot] %= _PRIME
    numerator, denominator = _fractions(coefficients)
    common = [int(np.lcm.reduce(column.astype(object), initial=1)) for column in denominator.T]
    if max(common) > _LIMIT:
        return False
    scale = np.array(common)
    numerator *= scale // denominator
    greatest_sum = int(np.abs(numerator).max(initial=0)) * rank
    if int(np.abs(matrix).max()) * max(greatest_sum, *common) >= 1 << 63:
        return False
    combined = matrix[:, columns[:rank]] @ numerator
    return np.array_equal(combined, matrix[:, columns[rank:]] * scale)


def _fractions(residues: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return numerators and denominators of the small fractions that are equal to residues.

    Euclid's algorithm on prime and residue, stopped at the first remainder within the limit; where
    that gives no denominator within it, the fraction is wrong, which the caller's check finds.
    """
    before, remainder = np.full_like(residues, _PRIME), residues.copy()
    coefficient_before, coefficient = np.zeros_like(residues), np.ones_like(residues)
    while (large := remainder > _LIMIT).any():
        quotient = np.where(large, before // np.maximum(remainder, 1), 0)
        before, remainder = (
            np.where(large, remainder, before),
            np.where(large, before - quotient * remainder, remainder),
        )
        coefficient_before, coefficient = (
            np.where(large, coefficient, coefficient_before),
            np.where(large, coefficient_before - quotient * coefficient, coefficient),
        )
    return remainder * np.sign(coefficient), np.abs(coefficient)


def _rank_by_primes(matrix: Int64Array, rank: int) -> int:
    """Return the rank, given a lower bound, by elimination modulo as many primes as it takes."""
    prime, agreeing = _PRIME, _PRIME
    while rank < min(matrix.shape) and agreeing <= _greatest_minor(matrix, rank + 1):
        prime = _prime_below(prime)
        found = _eliminate(matrix, prime)[0]
        if found > rank:
            rank, agreeing = found, 1
        if found == rank:
            agreeing *= prime
    return rank


def _greatest_minor(matrix: Int64Array, size: int) -> int:
    """Return Hadamard's bound of the minors of one size: the product of the longest rows."""
    squares = sorted((sum(value * value for value in row) for row in matrix.tolist()), reverse=True)
    bound = 1
    for square in squares[:size]:
        bound *= square
    return isqrt(bound) + 1


def _prime_below(number: int) -> int:
    """Return the greatest prime below a number of at most 31 bits."""
    candidate = number - 2
    while not all(_passes(candidate, base) for base in (2, 3, 5, 7)):
        candidate -= 2
    return candidate


def _passes(number: int, base: int) -> bool:
    """Return whether Miller and Rabin's test takes an odd number for a prime."""
    odd, halvings = number - 1, 0
    while odd % 2 == 0:
        odd, halvings = odd // 2, halvings + 1
    power = pow(base, odd, number)
    return power == 1 or any(pow(power, 1 << k, number) == number - 1 for k in range(halvings))
