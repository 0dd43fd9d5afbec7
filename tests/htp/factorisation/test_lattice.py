"""Reduced bases generate the lattice of the rows, by exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp.factorisation.balance import balanced
from htp.factorisation.lattice import integer_coordinates, row_lattice_basis


def hermite(rows):
    """The Hermite normal form of a list of integer rows, by Euclid's algorithm: a canonical one."""
    rows, top = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        while True:
            below = [row for row in rows[top:] if row[column]]
            if not below:
                break
            pivot = min(below, key=lambda row: abs(row[column]))
            if len(below) == 1:
                rows.remove(pivot)
                pivot = [-v for v in pivot] if pivot[column] < 0 else pivot
                rows.insert(top, pivot)
                for other in rows[:top]:
                    q = other[column] // pivot[column]
                    other[:] = [a - q * b for a, b in zip(other, pivot, strict=True)]
                top += 1
                break
            for row in below:
                if row is not pivot:
                    q = row[column] // pivot[column]
                    row[:] = [a - q * b for a, b in zip(row, pivot, strict=True)]
    return rows[:top]


def test_the_oracle():
    assert hermite([[2, 4], [4, 2], [6, 6]]) == [[2, 4], [0, 6]]


def low_rank(seed, rank, rows, columns, limit):
    generator = np.random.default_rng(seed)
    left = generator.integers(-limit, limit + 1, (rows, rank))
    return left @ generator.integers(-limit, limit + 1, (rank, columns))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 9), st.integers(1, 8),
       st.sampled_from([1, 3, 100, 10_000]))  # fmt: skip
def test_the_same_lattice_as_the_rows(seed, rank, rows, columns, limit):
    matrix = low_rank(seed, rank, rows, columns, limit)
    if not matrix.any():
        return
    basis = row_lattice_basis(matrix)
    assert hermite(basis.tolist()) == hermite(matrix.tolist())
    assert len(basis) == len(hermite(matrix.tolist()))
    coordinates = integer_coordinates(matrix, basis)
    assert (coordinates @ basis == matrix).all()


def test_the_basis_is_reduced():
    basis = row_lattice_basis(low_rank(3, 6, 40, 12, 50)).tolist()
    orthogonal = []
    for k, row in enumerate(basis):
        rest = [Fraction(v) for v in row]
        for j, other in enumerate(orthogonal):
            share = sum(a * b for a, b in zip(row, other, strict=True)) / sum(v * v for v in other)
            assert abs(share) <= Fraction(1, 2) + Fraction(1, 10**9)
            rest = [a - share * b for a, b in zip(rest, other, strict=True)]
            if j == k - 1:
                along = share**2 * sum(v * v for v in other)
        if k:
            squares = [sum(v * v for v in vector) for vector in (rest, orthogonal[-1])]
            assert squares[0] + along >= Fraction(749, 1000) * squares[1]
        orthogonal.append(rest)


def test_no_coordinates_outside_the_lattice():
    with pytest.raises(ArithmeticError, match="not in the basis' lattice"):
        integer_coordinates(np.array([[1, 0]]), np.array([[2, 0], [0, 2]]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([1, 4, 100, 3000]))
def test_balancing_keeps_the_product_and_never_enlarges_the_measure(seed, rank, limit):
    generator = np.random.default_rng(seed)
    left = generator.integers(-limit, limit + 1, (20, rank))
    right = generator.integers(-limit, limit + 1, (rank, 15))
    left[0], right[:, 0] = 1, 1  # no term is zero
    small_left, small_right = balanced(left, right)
    assert (small_left @ small_right == left @ right).all()

    def measure(a, b):
        return ((a.astype(float) ** 2).sum(axis=0) * (b.astype(float) ** 2).sum(axis=1)).sum()

    assert measure(small_left, small_right) <= measure(left, right) * (1 + 1e-12)


def test_powers_of_two_move_to_the_other_side():
    left, right = balanced(np.arange(1, 16)[:, None], 256 * np.arange(1, 16)[None, :])
    assert (np.abs(left).max(), np.abs(right).max()) == (240, 240)
