"""Messages quote files, whose names may be as long as the file."""

import pytest

from multipliers.shortened import shortened


@pytest.mark.parametrize("length", [0, 499, 500])
def test_short_texts_stay(length):
    assert shortened("x" * length) == "x" * length


def test_beginning_and_end_remain():
    assert shortened("a" * 250 + "b" * 10**6 + "c" * 250) == "a" * 250 + " ... " + "c" * 250
