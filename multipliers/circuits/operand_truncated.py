"""The operand-truncated multiplier: an exact array for the high bits of both operands."""

from __future__ import annotations

from multipliers.circuits.array import array_of
from multipliers.circuits.partial_products import circuit_name
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_parameter


def truncated_multiplier(k: int, *, signed: bool, width: int = 8) -> Netlist:
    """Return the operand-truncated multiplier TM(k): ``((a >> k) (b >> k)) << 2k``.

    `multipliers.families.tm` is the same function as a closed form.

    Args:
        k: Low bits of each operand that are taken as 0, 0 to `width`.
        signed: Whether operands and product are in two's complement; the shifts are arithmetic.
        width: Width of both operands in bits.

    Returns:
        Netlist with the ports A, B and the product O of twice the width.

    Raises:
        TypeError: If `k` or `width` is no int.
        ValueError: If one of them is out of range.

    Examples:
        >>> from multipliers import simulate
        >>> int(simulate(truncated_multiplier(2, signed=False))[7, 9])
        32
    """
    width = check_parameter("width", width, 1)
    k = check_parameter("k", k, 0, width)
    name = circuit_name(width, signed, f"tm_k{k}")
    source = f"truncated_multiplier({k}, signed={signed}, width={width})"
    return array_of(name, source, width, signed=signed, keep=lambda i, j: i >= k and j >= k)
