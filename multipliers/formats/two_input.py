"""Netlists rewritten with gates of one or two inputs, for the formats that have no others."""

from __future__ import annotations

from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Bus, Netlist


def two_input_gates(netlist: Netlist) -> Netlist:
    """Return a circuit of the same function whose gates read at most two nets.

    A full adder becomes five gates, as its sum and its carry share one exclusive or; a multiplexer
    becomes three. Other gates stay as they are.

    Args:
        netlist: The circuit.

    Returns:
        The rewritten circuit with the same ports.

    Examples:
        >>> from multipliers import array_multiplier
        >>> netlist = array_multiplier(signed=False)
        >>> netlist.gate_count, two_input_gates(netlist).gate_count
        (176, 320)
    """
    gates: list[tuple[Op, int, int]] = []
    shared: dict[tuple[int, int], int] = {}

    def add(op: Op, a: int, b: int = 0) -> int:
        gates.append((op, a, b))
        return netlist.first_gate + len(gates) - 1

    def exclusive_or(a: int, b: int) -> int:
        pair = min(a, b), max(a, b)
        if pair not in shared:
            shared[pair] = add(Op.XOR, a, b)
        return shared[pair]

    nets = list(range(netlist.first_gate))
    for number, row in zip(netlist.op.tolist(), netlist.fan_in.tolist(), strict=True):
        op = Op(number)
        a, b, c = (nets[net] for net in row)
        if op is Op.XOR3:
            nets.append(add(Op.XOR, exclusive_or(a, b), c))
        elif op is Op.MAJ:
            either = add(Op.AND, c, exclusive_or(a, b))
            nets.append(add(Op.OR, add(Op.AND, a, b), either))
        elif op is Op.MUX:
            nets.append(add(Op.XOR, a, add(Op.AND, exclusive_or(a, b), c)))
        else:
            nets.append(add(op, a, b))
    return Netlist(
        netlist.name,
        netlist.inputs,
        tuple(Bus(bus.name, tuple(nets[net] for net in bus.nets)) for bus in netlist.outputs),
        [op for op, _, _ in gates],  # type: ignore[arg-type]
        [(a, b, 0) for _, a, b in gates],  # type: ignore[arg-type]
        netlist.source,
    )
