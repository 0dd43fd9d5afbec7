"""The code order, against Python's own two's complement conversion."""

import numpy as np
import pytest

from multipliers import code_values, exact_products


@pytest.mark.parametrize("signed", [False, True])
def test_code_is_the_bit_pattern(signed):
    expected = [int.from_bytes([code], "little", signed=signed) for code in range(256)]
    assert code_values(signed).tolist() == expected
    assert code_values(signed).dtype == np.int32


@pytest.mark.parametrize("x_signed", [False, True])
@pytest.mark.parametrize("w_signed", [False, True])
def test_products_row_is_the_first_operand(x_signed, w_signed):
    table = exact_products(x_signed, w_signed)
    x, w = code_values(x_signed).tolist(), code_values(w_signed).tolist()
    assert table.dtype == np.int32
    assert table.tolist() == [[a * b for b in w] for a in x]


def test_shared_tables_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        exact_products(True, True)[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        code_values(True)[0] = 1
