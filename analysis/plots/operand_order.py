"""A multiplier's operands by value, as maps and tables show them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multipliers import Multiplier, code_values

Ascending = tuple[NDArray[np.int64], NDArray[np.uint8]]


def ascending_operands(
    multiplier: Multiplier,
) -> tuple[Ascending, Ascending]:
    """Return the values that each port accepts, ascending, and their codes: first x, then w.

    Examples:
        >>> from multipliers import exact_products
        >>> (values, codes), _ = ascending_operands(Multiplier.from_lut(exact_products(True, True)))
        >>> values[:2].tolist(), codes[:2].tolist()
        ([-128, -127], [128, 129])
    """

    def ascending(codes: NDArray[np.uint8], *, signed: bool) -> Ascending:
        values = code_values(signed)[codes].astype(np.int64)
        order = np.argsort(values)
        return values[order], codes[order]

    x_codes, w_codes = multiplier.valid
    return (
        ascending(x_codes, signed=multiplier.x_port.signed),
        ascending(w_codes, signed=multiplier.w_port.signed),
    )
