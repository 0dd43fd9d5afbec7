"""Exact rank against elimination in fractions, where float and modular ranks are wrong too."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import exact_products
from multipliers.characterisation.rank import exact_rank, least_rank


def rank_in_fractions(matrix):
    rows = [[Fraction(value) for value in row] for row in matrix]
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(rank, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for row in rows[rank + 1 :]:
            factor = row[column] / rows[rank][column]
            for k in range(column, len(row)):
                row[k] -= factor * rows[rank][k]
        rank += 1
    return rank


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_products_of_small_matrices(data):
    rows, columns, inner = (data.draw(st.integers(1, 7)) for _ in range(3))
    size = data.draw(st.sampled_from([1, 3, 200, 1 << 18]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    left = rng.integers(-size, size, (rows, inner), endpoint=True)
    right = rng.integers(-size, size, (inner, columns), endpoint=True)
    matrix = left @ right
    assert exact_rank(matrix) == rank_in_fractions(matrix.tolist())


def test_a_fast_lower_bound():
    rng = np.random.default_rng(0)
    matrix = rng.integers(-99, 99, (200, 30)) @ rng.integers(-99, 99, (30, 256))
    assert least_rank(matrix) == exact_rank(matrix) == 30
    assert [least_rank(matrix, enough=enough) for enough in (0, 7, 30, 400)] == [0, 7, 30, 30]
    # A rank modulo a prime that divides every minor is less than the rank.
    assert least_rank(np.diag([2**31 - 1, 1])) == 1


@pytest.mark.parametrize("inner", [5, 25])
def test_dependencies_with_large_fractions(inner):
    """Random integers: no small fractions, so that further primes decide."""
    rng = np.random.default_rng(inner)
    matrix = rng.integers(-99, 99, (30, inner)) @ rng.integers(-99, 99, (inner, 30))
    assert exact_rank(matrix) == inner == rank_in_fractions(matrix.tolist())


def test_a_rank_that_the_first_prime_does_not_see():
    prime = (1 << 31) - 1
    matrix = np.diag([1, prime, prime, 0, 0])
    assert exact_rank(matrix) == 3
    assert exact_rank(np.array([[prime, 0], [0, prime]])) == 2
    assert exact_rank(np.diag([prime] * 5)[:, :4]) == 4


def test_nearly_singular():
    """Float ranks take this for 2."""
    matrix = np.array([[1 << 39, 1, 0], [1 << 39, 0, 1], [0, 1, -1 + (1 << 2)]])
    assert exact_rank(matrix) == 3
    assert exact_rank(matrix - np.array([[0, 0, 0], [0, 0, 0], [0, 0, 4]])) == 2


@pytest.mark.parametrize(("value", "rank"), [(0, 0), (-7, 1)])
def test_constant_tables(value, rank):
    assert exact_rank(np.full((256, 256), value, dtype=np.int32)) == rank


def test_exact_products_are_of_rank_one():
    assert exact_rank(exact_products(True, False)) == 1


def test_full_rank():
    table = np.random.default_rng(1).integers(-(1 << 31), 1 << 31, (256, 256))
    assert exact_rank(table) == 256
