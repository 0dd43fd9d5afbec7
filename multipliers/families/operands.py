"""Operands of the closed forms: checked values, magnitudes and signs, leading ones.

A closed form takes operand values, integers of any type and shape that broadcast, and returns
int64 products. With operands of at most 16 bits no intermediate value reaches 2^62.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from multipliers.parameters import check_parameter
from multipliers.ports import Port

Int64Array = npt.NDArray[np.int64]
UnsignedProduct = Callable[[Int64Array, Int64Array], Int64Array]
"""Product of two arrays of magnitudes."""

LEAST_WIDTH, GREATEST_WIDTH = 2, 16


def check_width(width: int) -> int:
    """Return a width as an int, and refuse one that the closed forms are not made for.

    Raises:
        TypeError: If `width` is not an int.
        ValueError: If it is not from 2 to 16.
    """
    return check_parameter("width", width, LEAST_WIDTH, GREATEST_WIDTH)


def operand_values(
    x: npt.ArrayLike, w: npt.ArrayLike, *, signed: bool, width: int
) -> tuple[Int64Array, Int64Array]:
    """Return checked operands as int64 arrays.

    Args:
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        signed: Whether the operands are in two's complement.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Both operands, int64, in their own shapes.

    Raises:
        TypeError: If an operand does not hold integers, or `width` is not an int.
        ValueError: If a value is out of the operands' range, or `width` is not from 2 to 16.

    Examples:
        >>> operand_values([3, 300], 5, signed=False, width=8)
        Traceback (most recent call last):
        ValueError: 'x' must be unsigned 8-bit (0..255), got values from 3 to 300
    """
    width = check_width(width)
    port = Port(width, signed)
    return _values("x", x, port), _values("w", w, port)


def product_of_magnitudes(
    product: UnsignedProduct,
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    sign_magnitude: bool,
    width: int,
) -> Int64Array:
    """Return an unsigned multiplier's products, or its sign-magnitude version's.

    The sign-magnitude version takes two's complement operands, multiplies their magnitudes by the
    unsigned multiplier of the same width (which holds the magnitude ``2^(width - 1)`` of the least
    value) and negates the product where exactly one operand is negative.

    Args:
        product: The unsigned multiplier.
        x: Values of the first operand, any integer type and shape.
        w: Values of the second operand, any integer type and shape.
        sign_magnitude: Whether the operands are signed.
        width: Width of both operands in bits, 2 to 16.

    Returns:
        Products, int64, of the shape to which the operands broadcast.

    Raises:
        TypeError: If an operand does not hold integers, or `width` is not an int.
        ValueError: If a value or `width` is out of range.

    Examples:
        >>> product_of_magnitudes(np.multiply, [-3, 5], 7, sign_magnitude=True, width=4).tolist()
        [-21, 35]
    """
    a, b = operand_values(x, w, signed=sign_magnitude, width=width)
    if not sign_magnitude:
        return product(a, b)
    return product(np.abs(a), np.abs(b)) * np.sign(a) * np.sign(b)


def leading_one(values: Int64Array) -> Int64Array:
    """Return the position of each value's highest bit that is 1, and 0 for the value 0.

    Args:
        values: Integers from 0 to 2^53, int64.

    Returns:
        Positions, int64, shaped as `values`.

    Examples:
        >>> leading_one(np.array([0, 1, 2, 3, 255, 256])).tolist()
        [0, 0, 1, 1, 7, 8]
    """
    # A float64 holds these integers exactly, as a fraction from 0.5 to 1 times 2^exponent.
    exponent = np.frexp(values.astype(np.float64))[1]
    return np.asarray(np.maximum(exponent - 1, 0), dtype=np.int64)


def _values(name: str, operand: npt.ArrayLike, port: Port) -> Int64Array:
    values = np.asarray(operand)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"'{name}' must hold integers, got {values.dtype} {values.shape}")
    if values.size:
        least, greatest = int(values.min()), int(values.max())
        if least < port.low or greatest > port.high:
            raise ValueError(f"'{name}' must be {port}, got values from {least} to {greatest}")
    return values.astype(np.int64)
