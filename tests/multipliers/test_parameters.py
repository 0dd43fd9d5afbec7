"""Checks of integers and numbers."""

from fractions import Fraction

import numpy as np
import pytest

from multipliers.parameters import check_number, check_parameter


def test_bounds_are_allowed():
    for value in (-1, 0, 4):
        assert check_parameter("k", value, -1, 4) == value
    assert check_parameter("width", 1000, 1) == 1000


INTEGERS = [np.int64(3), np.uint8(3), np.arange(4).max(), np.array(3)]


@pytest.mark.parametrize("value", INTEGERS, ids=lambda value: f"{type(value)} {value.dtype}")
def test_integers_of_libraries_become_ints(value):
    found = check_parameter("k", value, 0, 4)
    assert (found, type(found)) == (3, int)
    with pytest.raises(ValueError, match="'k' must be from 0 to 2, got 3"):
        check_parameter("k", value, 0, 2)


@pytest.mark.parametrize(
    ("value", "greatest", "error", "message"),
    [
        (1, 4, ValueError, "'k' must be from 2 to 4, got 1"),
        (5, 4, ValueError, "'k' must be from 2 to 4, got 5"),
        (1, None, ValueError, "'k' must be at least 2, got 1"),
        (3.0, 4, TypeError, "'k' must be an int, got 3"),
        (True, 4, TypeError, "'k' must be an int, got True"),
        (np.True_, 4, TypeError, "'k' must be an int, got bool"),
        (np.float64(3), 4, TypeError, "'k' must be an int, got float64"),
        (np.array([3]), 4, TypeError, "'k' must be an int, got ndarray"),
        ("3", 4, TypeError, "'k' must be an int, got '3'"),
        (None, None, TypeError, "'k' must be an int, got None"),
    ],
)
def test_refusals(value, greatest, error, message):
    with pytest.raises(error, match=message):
        check_parameter("k", value, 2, greatest)


def test_numbers_of_every_kind():
    for value in (2, 2.0, np.float32(2), np.int64(2), Fraction(2)):
        found = check_number("peak", value, least=2, above=1, most=2)
        assert (found, type(found)) == (2.0, float)
    assert check_number("within", float("inf"), most=float("inf")) == float("inf")


@pytest.mark.parametrize("value", ["1", None, True, np.True_, [1.0], np.ones(1), 1j], ids=type)
@pytest.mark.bad_input("no-number")
def test_what_is_no_number(value):
    with pytest.raises(TypeError, match="'peak' must be a number, got "):
        check_number("peak", value)


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (float("nan"), {}, "'peak' must be finite, got nan"),
        (float("nan"), {"most": float("inf")}, "'peak' must be a number, got nan"),
        (float("inf"), {"above": 0}, "'peak' must be finite and above 0, got inf"),
        (10**400, {}, "'peak' must be finite, got 1000"),
        (-(10**400), {"most": 1}, "'peak' must be at most 1, got -1000"),
        (0, {"above": 0, "most": 1}, "'peak' must be above 0 and at most 1, got 0"),
        (1.5, {"least": 0, "most": 1}, "'peak' must be at least 0 and at most 1, got 1.5"),
    ],
)
@pytest.mark.bad_input("no-number")
def test_numbers_out_of_range(value, bounds, message):
    with pytest.raises(ValueError, match=message):
        check_number("peak", value, **bounds)
