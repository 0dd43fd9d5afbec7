"""Length of a netlist's longest path, in gates and in unit-gate delays."""

from __future__ import annotations

from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist

UNIT_DELAYS: dict[Op, float] = {
    Op.BUF: 0.0,
    Op.INV: 0.5,
    Op.AND: 1.0,
    Op.OR: 1.0,
    Op.XOR: 2.0,
    Op.NAND: 1.0,
    Op.NOR: 1.0,
    Op.XNOR: 2.0,
    Op.MUX: 2.0,
    Op.XOR3: 4.0,
    Op.MAJ: 3.0,
}
"""Delay from any fan-in to the output in delays of a two-input gate. XOR3 is two XOR in a row, MAJ
``ab + c(a + b)`` is three gates in a row."""


def logic_depth(netlist: Netlist) -> int:
    """Return the number of gates on the longest path to an output, buffers not counted.

    Args:
        netlist: The circuit.

    Returns:
        Gates on the longest path.

    Examples:
        >>> from multipliers import array_multiplier, tree_multiplier
        >>> logic_depth(array_multiplier(signed=False)), logic_depth(tree_multiplier(signed=False))
        (21, 15)
    """
    return int(_longest_path(netlist, {op: float(op != Op.BUF) for op in Op}))


def unit_gate_delay(netlist: Netlist) -> float:
    """Return the delay of the longest path to an output by `UNIT_DELAYS`, in unit-gate delays.

    Every gate counts with one delay from any of its fan-ins, and paths that no operands sensitise
    count too, so that the figure is an upper bound within this model.

    Args:
        netlist: The circuit.

    Returns:
        Delay in unit gates.

    Examples:
        >>> from multipliers import array_multiplier
        >>> unit_gate_delay(array_multiplier(signed=False, width=2))
        4.0

    References:
        A. Tyagi, "A reduced-area scheme for carry-select adders", IEEE Trans. Computers 42(10),
        1993 (two-input gates of delay 1, XOR of delay 2).
    """
    return _longest_path(netlist, UNIT_DELAYS)


def _longest_path(netlist: Netlist, delays: dict[Op, float]) -> float:
    arrival = [0.0] * netlist.first_gate
    for code, fan_in in zip(netlist.op.tolist(), netlist.fan_in.tolist(), strict=True):
        op = Op(code)
        arrival.append(delays[op] + max(arrival[net] for net in fan_in[: op.arity]))
    return max((arrival[net] for bus in netlist.outputs for net in bus.nets), default=0.0)
