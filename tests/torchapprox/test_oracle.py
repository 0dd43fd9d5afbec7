"""The oracle itself, on figures that can be checked by eye."""

import pytest

from tests.torchapprox import oracle
from torchapprox import Accumulator

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
    y = oracle.conv(
        ROW_AND_COLUMN, [[[[1]]]], [[[[2, 3, 4]]]], 6, [0],
        stride=(1, 1), padding=(0, 1), dilation=(1, 1), groups=1,
    )  # fmt: skip
    assert y == [[[[62 + 13 + 64 - 6 * (2 + 3 + 4)]]]]


def test_same_pads_an_even_kernel_after():
    y = oracle.conv(
        ROW_AND_COLUMN, [[[[1, 2]]]], [[[[3, 4]]]], 0, [0],
        stride=(1, 1), padding="same", dilation=(1, 1), groups=1,
    )  # fmt: skip
    assert y == [[[[13 + 24, 23 + 4]]]]


def test_groups_see_their_own_channels():
    y = oracle.conv(
        ROW_AND_COLUMN, [[[[1]], [[2]]]], [[[[3]]], [[[4]]]], 0, [0, 0],
        stride=(1, 1), padding="valid", dilation=(1, 1), groups=2,
    )  # fmt: skip
    assert y == [[[[13]], [[24]]]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("reflect", [3, 2, 1, 2, 3, 4, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 4, 4, 4]),
        ("circular", [3, 4, 1, 2, 3, 4, 1, 2]),
    ],
)
def test_padding_modes_repeat_activations(mode, expected):
    y = oracle.conv(
        ROW_AND_COLUMN, [[[1, 2, 3, 4]]], [[[0]]], 9, [0],
        stride=(1,), padding=(2,), dilation=(1,), groups=1, padding_mode=mode,
    )  # fmt: skip
    assert y == [[[10 * x for x in expected]]]


def test_transposed_convolution_makes_each_product_once():
    # Inputs 1, 2 and taps 3, 4, 5, two apart: 13 14 (15 + 23) 24 25.
    y = oracle.conv_transpose(
        ROW_AND_COLUMN, [[[1, 2]]], [[[3, 4, 5]]], 0, [0],
        stride=(2,), padding=(0,), output_padding=(1,), dilation=(1,), groups=1,
    )  # fmt: skip
    assert y == [[[13, 14, 15 + 23, 24, 25, 0]]]


def test_transposed_convolution_corrects_each_product():
    y = oracle.conv_transpose(
        ROW_AND_COLUMN, [[[1, 2]]], [[[3, 4]]], 7, [5],
        stride=(1,), padding=(1,), output_padding=(0,), dilation=(1,), groups=1,
    )  # fmt: skip
    # The middle one only: 1 with 4 and 2 with 3.
    assert y == [[[(14 - 5 - 28 + 35) + (23 - 10 - 21 + 35)]]]


def test_transposed_groups_see_their_own_channels():
    y = oracle.conv_transpose(
        ROW_AND_COLUMN, [[[1], [2]]], [[[3], [4]], [[5], [6]]], 0, [0] * 4,
        stride=(1,), padding=(0,), output_padding=(0,), dilation=(1,), groups=2,
    )  # fmt: skip
    assert y == [[[13], [14], [25], [26]]]


@pytest.mark.parametrize(
    ("value", "wrapped", "saturated"),
    [(7, 7, 7), (8, -8, 7), (-8, -8, -8), (-9, 7, -8), (25, -7, 7), (-40, -8, -8)],
)
def test_four_bit_register(value, wrapped, saturated):
    assert oracle.register(value, 4, "wrap") == wrapped
    assert oracle.register(value, 4, "saturate") == saturated


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"overflow": "saturate", "when": "step"}, 7 - 6),
        ({"overflow": "saturate", "when": "end"}, 5 + 6 - 6),
        ({"overflow": "wrap", "when": "step"}, 5),
        # Tiles 5 + 6 and -6, in three bits 3 and -4 saturated, 3 and 2 wrapped.
        ({"overflow": "saturate", "when": "step", "height": 2, "partial_bits": 3}, 3 - 4),
        ({"overflow": "wrap", "when": "end", "height": 2, "partial_bits": 3}, 3 + 2),
    ],
)
def test_accumulate(fields, expected):
    assert oracle.accumulate([5, 6, -6], Accumulator(4, **fields)) == expected
