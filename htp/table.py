"""What the package takes for a product table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from multipliers import Multiplier, code_values

Table = Multiplier | npt.NDArray[np.integer[Any]]


def as_multiplier(lut: Table) -> Multiplier:
    """Return a multiplier as it is, and an array as the table of a signed multiplier.

    Raises:
        TypeError: ``lut`` is neither, or does not hold integers.
        ValueError: The array has another shape than `(256, 256)`, or does not fit int32.

    Examples:
        >>> print(as_multiplier(np.zeros((256, 256), np.int64)))
        table: signed 8-bit (-128..127) x signed 8-bit (-128..127)
    """
    if isinstance(lut, Multiplier):
        return lut
    if isinstance(lut, np.ndarray):
        return Multiplier.from_lut(lut)
    raise TypeError(
        f"'lut' must be a Multiplier or an integer array (256, 256), got {type(lut).__name__}"
    )


def operand_values(multiplier: Multiplier) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return what the ports read from each of the 256 codes of x and of w, int64 `(256,)` each."""
    x, w = (
        code_values(port.signed, width=port.width).astype(np.int64)
        for port in (multiplier.x_port, multiplier.w_port)
    )
    return x, w
