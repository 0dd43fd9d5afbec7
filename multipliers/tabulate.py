"""The table of a function of two operand values."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from multipliers.ports import Port

_OF_TWO_INTEGERS = "pass vectorised=False for a function of two integers"


def tabulate(
    function: Callable[[Any, Any], Any], x_port: Port, *, w_port: Port, vectorised: bool = True
) -> npt.NDArray[Any]:
    """Return the products of every pair of operands.

    Args:
        function: Takes values of the first and of the second operand and returns their products:
            int64 arrays of one shape in, integers of that shape out.
        x_port: Port of the first operand.
        w_port: Port of the second operand.
        vectorised: False for a function of two Python integers, which is called once a pair.

    Returns:
        Products, integers `(2^x_width, 2^w_width)`, row = bit pattern of the first operand.

    Raises:
        TypeError: If the products are no integers.
        ValueError: If they have another shape than the operands.

    Examples:
        >>> port = Port(2, signed=False)
        >>> tabulate(max, port, w_port=port, vectorised=False)[1].tolist()
        [1, 1, 2, 3]
    """
    x, w = np.meshgrid(x_port.values, w_port.values, indexing="ij")
    if vectorised:
        return call_vectorised(function, x, w=w)
    products = [
        [_python_integer(function(a, b), a, b) for b in w_port.values.tolist()]
        for a in x_port.values.tolist()
    ]
    try:
        return np.array(products, dtype=np.int64)
    except OverflowError:
        raise ValueError(
            "'function' must return products that fit int64, got larger ones"
        ) from None


def call_vectorised(
    function: Callable[[Any, Any], Any], x: npt.NDArray[np.int64], *, w: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Return what a vectorised function gives for operands of one shape, checked.

    Args:
        function: Takes int64 arrays of one shape and returns integers of that shape.
        x: Values of the first operand.
        w: Values of the second operand, shaped as `x`.

    Returns:
        Products, integers, shaped as `x`.

    Raises:
        TypeError: If the products are no integers.
        ValueError: If they have another shape than the operands.
        Exception: What the function raises, with a note on functions of two integers.

    Examples:
        >>> call_vectorised(lambda x, w: x * w, np.array([3, -4]), w=np.array([5, 6])).tolist()
        [15, -24]
    """
    try:
        products = np.asarray(function(x, w))
    except Exception as error:
        error.add_note(f"'function' was called with arrays; {_OF_TWO_INTEGERS}")
        raise
    if not np.issubdtype(products.dtype, np.integer):
        raise TypeError(
            f"'function' must return an array of integers, got {products.dtype} {products.shape}"
        )
    if products.shape != x.shape:
        raise ValueError(
            f"'function' must return products shaped as its operands, {x.shape}, "
            f"got {products.shape}; {_OF_TWO_INTEGERS}"
        )
    return products


def _python_integer(product: object, x: int, w: int) -> int:
    if isinstance(product, bool) or not isinstance(product, Integral):
        raise TypeError(f"'function' must return integers, got {product!r} for ({x}, {w})")
    return int(product)
