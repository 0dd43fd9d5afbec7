"""The order of operand codes; the only module that converts between codes and values.

An operand enters hardware as an 8-bit code, 0..255. An unsigned operand's value is its code. A
signed operand's code is its two's complement bit pattern, so that the codes 0..127 stand for
0..127 and the codes 128..255 for -128..-1. A port of fewer bits reads the low bits of a code only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from multipliers.parameters import check_flag, check_parameter

Int32Array = npt.NDArray[np.int32]


@lru_cache(maxsize=None, typed=True)  # 1 is equal to True, and no flag
def code_values(signed: bool, *, width: int = 8) -> Int32Array:
    """Return the value that a port reads from each operand code.

    Args:
        signed: Whether the operand is in two's complement.
        width: Number of bits that the port reads, the lowest ones, 1 to 8.

    Returns:
        Values in code order, int32 `(256,)`, read-only.

    Raises:
        TypeError: If `signed` is no bool, or `width` no int.
        ValueError: If `width` is not from 1 to 8.

    Examples:
        >>> code_values(True)[[0, 1, 127, 128, 255]].tolist()
        [0, 1, 127, -128, -1]
        >>> code_values(False)[[0, 1, 127, 128, 255]].tolist()
        [0, 1, 127, 128, 255]
        >>> code_values(True, width=4)[[7, 8, 248, 255]].tolist()
        [7, -8, -8, -1]
    """
    check_flag("signed", signed)
    width = check_parameter("width", width, 1, 8)
    codes = np.arange(256, dtype=np.int32) & ((1 << width) - 1)
    values = codes - ((codes >> (width - 1)) << width) if signed else codes
    values.setflags(write=False)
    return values


@lru_cache(maxsize=None, typed=True)  # 1 is equal to True, and no flag
def exact_products(
    x_signed: bool, w_signed: bool, *, x_width: int = 8, w_width: int = 8
) -> Int32Array:
    """Return the table of exact products.

    Args:
        x_signed: Whether the first operand (activation) is signed.
        w_signed: Whether the second operand (weight) is signed.
        x_width: Number of bits that the first operand's port reads, 1 to 8.
        w_width: Number of bits that the second operand's port reads, 1 to 8.

    Returns:
        Products, int32 `(256, 256)`, row = code of x, column = code of w, read-only.

    Examples:
        >>> int(exact_products(False, True)[255, 128])
        -32640
    """
    check_flag("x_signed", x_signed)
    check_flag("w_signed", w_signed)
    x_width = check_parameter("x_width", x_width, 1, 8)
    w_width = check_parameter("w_width", w_width, 1, 8)
    products = np.multiply.outer(
        code_values(x_signed, width=x_width), code_values(w_signed, width=w_width)
    )
    products.setflags(write=False)
    return products
