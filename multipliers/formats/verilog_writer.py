"""Netlists written as readable structural Verilog."""

from __future__ import annotations

import re
from collections.abc import Iterator

from multipliers.formats.verilog_names import verilog_name
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist, check_netlist

_EXPRESSIONS = {
    Op.BUF: "{0}",
    Op.INV: "~{0}",
    Op.AND: "{0} & {1}",
    Op.OR: "{0} | {1}",
    Op.XOR: "{0} ^ {1}",
    Op.NAND: "~({0} & {1})",
    Op.NOR: "~({0} | {1})",
    Op.XNOR: "~({0} ^ {1})",
    Op.MUX: "{2} ? {1} : {0}",
    Op.XOR3: "{0} ^ {1} ^ {2}",
    Op.MAJ: "({0} & {1}) | ({0} & {2}) | ({1} & {2})",
}
_CARRY_OF = {Op.XOR: Op.AND, Op.XOR3: Op.MAJ}


def to_verilog(netlist: Netlist) -> str:
    """Return a netlist as a Verilog module.

    One net a line in topological order; a sum and a carry of the same bits are written as the
    addition that they are, `assign {carry, sum} = a + b + c`. `read_verilog` and other Verilog
    tools read the text back into a circuit of the same function. Names that are keywords or no
    plain identifiers are escaped.

    Args:
        netlist: The circuit; its name and its ports' names must be printable ASCII.

    Returns:
        Text of the file.

    Raises:
        ValueError: If a name has white space or other than ASCII characters.

    Examples:
        >>> from multipliers import array_multiplier
        >>> print(to_verilog(array_multiplier(signed=False, width=1)))
        // mul1u_array: A[1], B[1] -> O[2], 1 gate
        // from array_multiplier(signed=False, width=1)
        // Written by multipliers.to_verilog.
        module mul1u_array(input [0:0] A, input [0:0] B, output [1:0] O);
          wire n4 = A[0] & B[0];
          assign O[0] = n4;
          assign O[1] = 1'b0;
        endmodule
    """
    check_netlist("netlist", netlist)
    ports = [("input signed" if bus.signed else "input", bus) for bus in netlist.inputs] + [
        ("output", bus) for bus in netlist.outputs
    ]
    names = _net_names(netlist)
    header = ", ".join(f"{way} [{bus.width - 1}:0] {verilog_name(bus.name)}" for way, bus in ports)
    lines = [
        f"// {netlist}",
        *([f"// from {line}" for line in netlist.source.splitlines()]),
        "// Written by multipliers.to_verilog.",
        f"module {verilog_name(netlist.name)}({header});",
        *_gate_lines(netlist, names),
        *(
            f"  assign {verilog_name(bus.name)}[{bit}] = {names[net]};"
            for bus in netlist.outputs
            for bit, net in enumerate(bus.nets)
        ),
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _net_names(netlist: Netlist) -> list[str]:
    """Return what each net is called in the file."""
    prefix = "n"
    while any(re.fullmatch(rf"{prefix}\d+", bus.name) for bus in netlist.inputs + netlist.outputs):
        prefix += "_"
    operands = [
        f"{verilog_name(bus.name)}[{bit}]" for bus in netlist.inputs for bit in range(bus.width)
    ]
    gates = [f"{prefix}{net}" for net in range(netlist.first_gate, netlist.net_count)]
    return ["1'b0", "1'b1", *operands, *gates]


def _gate_lines(netlist: Netlist, names: list[str]) -> Iterator[str]:
    """Yield the lines of all gates, half and full adders as one addition."""
    gates = [
        (Op(op), tuple(fan_in[: Op(op).arity]))
        for op, fan_in in zip(netlist.op.tolist(), netlist.fan_in.tolist(), strict=True)
    ]
    net_of = {gate: netlist.first_gate + index for index, gate in enumerate(gates)}
    written: set[int] = set()
    for net, (op, fan_in) in enumerate(gates, start=netlist.first_gate):
        if net in written:
            continue
        operands = [names[source] for source in fan_in]
        partner = _adder_partner(op, fan_in, net_of)
        if partner is None or partner in written:
            yield f"  wire {names[net]} = {_EXPRESSIONS[op].format(*operands)};"
            continue
        total, carry = (net, partner) if op in _CARRY_OF else (partner, net)
        written |= {net, partner}
        yield f"  wire {names[total]}, {names[carry]};"
        yield f"  assign {{{names[carry]}, {names[total]}}} = {' + '.join(operands)};"


def _adder_partner(
    op: Op, fan_in: tuple[int, ...], net_of: dict[tuple[Op, tuple[int, ...]], int]
) -> int | None:
    """Return the net of the carry for a sum and of the sum for a carry, None if there is none."""
    sum_of = {carry: total for total, carry in _CARRY_OF.items()}
    partner = _CARRY_OF.get(op) or sum_of.get(op)
    return None if partner is None else net_of.get((partner, fan_in))
