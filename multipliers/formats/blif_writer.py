"""Netlists written as flat BLIF.

References:
    "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992.
"""

from __future__ import annotations

import re

from multipliers.formats.covers import COVERS
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist, check_netlist


def to_blif(netlist: Netlist) -> str:
    """Return a netlist as a BLIF model, one ``.names`` a gate in topological order.

    `read_blif` reads the text back into the same netlist, except that buffers are left out.

    Args:
        netlist: The circuit; its name and its ports' names must have no white space.

    Returns:
        Text of the file.

    Raises:
        ValueError: If a name has white space or characters with a meaning in BLIF.

    Examples:
        >>> from multipliers import array_multiplier
        >>> print(to_blif(array_multiplier(signed=False, width=1)))
        # mul1u_array: A[1], B[1] -> O[2], 1 gate
        # from array_multiplier(signed=False, width=1)
        # Written by multipliers.to_blif.
        .model mul1u_array
        .inputs A[0] B[0]
        .outputs O[0] O[1]
        .names A[0] B[0] n4
        11 1
        .names n4 O[0]
        1 1
        .names O[1]
        .end
    """
    check_netlist("netlist", netlist)
    names = [bus.name for bus in netlist.inputs + netlist.outputs]
    for name in (netlist.name, *names):
        if not re.fullmatch(r"[^\s#\\=]+", name):
            raise ValueError(f"names must have no white space, '#', '=' or '\\', got {name!r}")
    prefix = "n"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    bits = [f"{bus.name}[{bit}]" for bus in netlist.inputs for bit in range(bus.width)]
    gates = [f"{prefix}{net}" for net in range(netlist.first_gate, netlist.net_count)]
    nets = [f"{prefix}gnd", f"{prefix}vdd", *bits, *gates]
    results = [(f"{bus.name}[{bit}]", net) for bus in netlist.outputs
               for bit, net in enumerate(bus.nets)]  # fmt: skip
    lines = [
        f"# {netlist}",
        *(f"# from {line}" for line in netlist.source.splitlines()),
        "# Written by multipliers.to_blif.",
        f".model {netlist.name}",
        " ".join([".inputs", *bits]),
        " ".join([".outputs", *(name for name, _ in results)]),
    ]
    read = {net for row, op in zip(netlist.fan_in.tolist(), netlist.op.tolist(), strict=True)
            for net in row[: Op(op).arity]}  # fmt: skip
    lines += [f".names {nets[0]}"] if 0 in read else []
    lines += [f".names {nets[1]}", "1"] if 1 in read else []
    for name, op, fan_in in zip(gates, netlist.op.tolist(), netlist.fan_in.tolist(), strict=True):
        sources = [nets[net] for net in fan_in[: Op(op).arity]]
        lines.append(" ".join([".names", *sources, name]))
        lines += [f"{product} 1" for product in COVERS[Op(op)]]
    for name, net in results:
        lines += (
            [[f".names {name}"], [f".names {name}", "1"]][net]
            if net < 2
            else [
                f".names {nets[net]} {name}",
                "1 1",
            ]
        )
    return "\n".join([*lines, ".end"]) + "\n"
