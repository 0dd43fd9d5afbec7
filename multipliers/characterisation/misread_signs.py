"""Whether a multiplier's products look as if its operands had other signs than those stated."""

from __future__ import annotations

from itertools import product

import numpy as np

from multipliers.multiplier import Multiplier, check_multiplier

FACTOR = 5
"""By how much the mean error must be smaller; 4 where all products are 0, read as unsigned."""


def likelier_signs(multiplier: Multiplier) -> Multiplier | None:
    """Return a multiplier with the signs under which its errors would be far smaller.

    The bits of a circuit do not say what they stand for. Here the products' low
    ``x_width + w_width`` bits are read again, in two's complement if an operand is signed, and
    compared with the exact products of these signs. A wrong statement of the signs shows as a mean
    absolute error that another one divides by more than `FACTOR`.

    Args:
        multiplier: The multiplier, with the signs that were stated.

    Returns:
        The same bits with other signs, those of the least mean absolute error; None if no others
        are likelier.

    Examples:
        >>> from multipliers import Multiplier, get_netlist
        >>> netlist = get_netlist("mul8u_tm_k2")
        >>> print(likelier_signs(Multiplier.from_netlist(netlist, signed=True)))
        mul8u_tm_k2: unsigned 8-bit (0..255) x unsigned 8-bit (0..255)
        >>> likelier_signs(Multiplier.from_netlist(netlist, signed=False)) is None
        True
    """
    check_multiplier("multiplier", multiplier)
    stated = multiplier.x_port.signed, multiplier.w_port.signed
    others = [_with_signs(multiplier, *signs) for signs in product((True, False), repeat=2)
              if signs != stated]  # fmt: skip
    best = min(others, key=_mean_error)
    return best if FACTOR * _mean_error(best) < _mean_error(multiplier) else None


def _with_signs(multiplier: Multiplier, x_signed: bool, w_signed: bool) -> Multiplier:
    x_width, w_width = multiplier.x_port.width, multiplier.w_port.width
    bits = multiplier.lut.astype(np.int64) & ((1 << (x_width + w_width)) - 1)
    if x_signed or w_signed:
        bits -= (bits >> (x_width + w_width - 1)) << (x_width + w_width)
    return Multiplier.from_lut(
        bits, name=multiplier.name, x_signed=x_signed, w_signed=w_signed, x_width=x_width,
        w_width=w_width, source=multiplier.source,
    )  # fmt: skip


def _mean_error(multiplier: Multiplier) -> float:
    difference = multiplier.lut.astype(np.int64) - multiplier.exact
    return float(np.abs(difference).mean())
