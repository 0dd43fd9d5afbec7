"""The oracle itself, on figures that can be checked by eye."""

import pytest

from tests.torchapprox import oracle

# Multiplies as 10 * row + column: nothing about it is symmetric or a product.
ROW_AND_COLUMN = [[10 * row + column for column in range(256)] for row in range(256)]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, 2), (1.5, 4), (2.5, 4), (-0.5, 2), (-1.5, 0), (100.0, 9)]
)
def test_quantise_rounds_ties_to_even_and_clips(value, expected):
    assert oracle.quantise(value, 1.0, 2, 0, 9) == expected


@pytest.mark.parametrize(("q", "expected"), [(0, 0), (127, 127), (-1, 255), (-128, 128)])
def test_code_is_the_bit_pattern(q, expected):
    assert oracle.code(q) == expected


def test_dot_without_zero_points_adds_entries():
    assert oracle.dot(ROW_AND_COLUMN, [1, 2], [3, 4], 0, 0) == 13 + 24


def test_dot_subtracts_the_zero_point_terms():
    # The sum, then zw * sum(x), zx * sum(w) and K * zx * zw.
    assert oracle.dot(ROW_AND_COLUMN, [1, 2], [3, 4], 7, 5) == 37 - 15 - 49 + 70


def test_padding_feeds_the_zero_point():
    y = oracle.conv2d(
        ROW_AND_COLUMN, [[[[1]]]], [[[[2, 3, 4]]]], 6, [0],
        stride=(1, 1), padding=(0, 1), dilation=(1, 1), groups=1,
    )  # fmt: skip
    assert y == [[[[62 + 13 + 64 - 6 * (2 + 3 + 4)]]]]


def test_same_pads_an_even_kernel_after():
    y = oracle.conv2d(
        ROW_AND_COLUMN, [[[[1, 2]]]], [[[[3, 4]]]], 0, [0],
        stride=(1, 1), padding="same", dilation=(1, 1), groups=1,
    )  # fmt: skip
    assert y == [[[[13 + 24, 23 + 4]]]]


def test_groups_see_their_own_channels():
    y = oracle.conv2d(
        ROW_AND_COLUMN, [[[[1]], [[2]]]], [[[[3]]], [[[4]]]], 0, [0, 0],
        stride=(1, 1), padding="valid", dilation=(1, 1), groups=2,
    )  # fmt: skip
    assert y == [[[[13]], [[24]]]]
