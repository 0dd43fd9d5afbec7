"""Checks of integer parameters."""

import pytest

from multipliers.parameters import check_parameter


def test_bounds_are_allowed():
    for value in (-1, 0, 4):
        check_parameter("k", value, -1, 4)
    check_parameter("width", 1000, 1)


@pytest.mark.parametrize(
    ("value", "greatest", "error", "message"),
    [
        (1, 4, ValueError, "'k' must be from 2 to 4, got 1"),
        (5, 4, ValueError, "'k' must be from 2 to 4, got 5"),
        (1, None, ValueError, "'k' must be at least 2, got 1"),
        (3.0, 4, TypeError, "'k' must be an int, got float"),
        (True, 4, TypeError, "'k' must be an int, got bool"),
        (None, None, TypeError, "'k' must be an int, got NoneType"),
    ],
)
def test_refusals(value, greatest, error, message):
    with pytest.raises(error, match=message):
        check_parameter("k", value, 2, greatest)
