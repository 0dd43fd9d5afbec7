"""Netlists written as AIGER, ascii or binary."""

from __future__ import annotations

from multipliers.formats.aiger import NAME_COMMENT
from multipliers.formats.two_input import two_input_gates
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import Netlist, check_netlist


class _Graph:
    """An and-inverter graph without two equal gates, and without gates on constants."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.ands: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def conjunction(self, a: int, b: int) -> int:
        """Return the literal of ``a & b``."""
        a, b = max(a, b), min(a, b)
        if b == 0 or a == b ^ 1:
            return 0
        if b == 1 or a == b:
            return a
        if (a, b) not in self._known:
            self.ands.append((a, b))
            self._known[a, b] = 2 * (self.inputs + len(self.ands))
        return self._known[a, b]

    def exclusive_or(self, a: int, b: int) -> int:
        """Return the literal of ``a ^ b``."""
        both, neither = self.conjunction(a, b), self.conjunction(a ^ 1, b ^ 1)
        return self.conjunction(both ^ 1, neither ^ 1)

    def gate(self, op: Op, a: int, b: int) -> int:
        """Return the literal of a gate of one or two inputs."""
        if op in (Op.BUF, Op.INV):
            return a ^ (op is Op.INV)
        if op in (Op.XOR, Op.XNOR):
            return self.exclusive_or(a, b) ^ (op is Op.XNOR)
        if op in (Op.AND, Op.NAND):
            return self.conjunction(a, b) ^ (op is Op.NAND)
        return self.conjunction(a ^ 1, b ^ 1) ^ (op is Op.OR)


def to_aiger(netlist: Netlist) -> str:
    """Return a netlist as ascii AIGER (``.aag``), with a symbol table.

    `read_aiger` reads the text back into a circuit of the same function and ports, but of AND,
    NOR, XOR and XNOR gates and inverters only.

    Args:
        netlist: The circuit.

    Returns:
        Text of the file.

    Raises:
        ValueError: If a name has a line break.

    Examples:
        >>> from multipliers import array_multiplier
        >>> print(to_aiger(array_multiplier(signed=False, width=1)))
        aag 3 2 0 2 1
        2
        4
        6
        0
        6 4 2
        i0 A[0]
        i1 B[0]
        o0 O[0]
        o1 O[1]
        c
        name mul1u_array
        Written by multipliers.to_aiger.
    """
    check_netlist("netlist", netlist)
    graph, outputs = _graph(netlist)
    inputs = [str(2 * (number + 1)) for number in range(graph.inputs)]
    gates = [
        f"{2 * (graph.inputs + number)} {a} {b}" for number, (a, b) in enumerate(graph.ands, 1)
    ]
    lines = [_header("aag", graph, outputs), *inputs, *map(str, outputs), *gates]
    return "\n".join([*lines, *_symbols(netlist)]) + "\n"


def to_binary_aiger(netlist: Netlist) -> bytes:
    r"""Return a netlist as binary AIGER (``.aig``), with a symbol table; see `to_aiger`.

    Args:
        netlist: The circuit.

    Returns:
        Content of the file.

    Raises:
        ValueError: If a name has a line break.

    Examples:
        >>> from multipliers import array_multiplier
        >>> to_binary_aiger(array_multiplier(signed=False, width=1))[:20]
        b'aig 3 2 0 2 1\n6\n0\n\x02\x02'
    """
    check_netlist("netlist", netlist)
    graph, outputs = _graph(netlist)
    content = bytearray(
        "\n".join([_header("aig", graph, outputs), *map(str, outputs), ""]).encode()
    )
    for number, (a, b) in enumerate(graph.ands, 1):
        for delta in (2 * (graph.inputs + number) - a, a - b):
            rest = delta
            while rest > 127:
                content.append(rest & 127 | 128)
                rest >>= 7
            content.append(rest)
    return bytes(content) + ("\n".join(_symbols(netlist)) + "\n").encode()


def _graph(netlist: Netlist) -> tuple[_Graph, list[int]]:
    """Return the graph and the literals of the outputs."""
    lowered = two_input_gates(netlist)
    graph = _Graph(lowered.first_gate - 2)
    literals = [0, 1, *(2 * (number + 1) for number in range(graph.inputs))]
    for op, (a, b, _) in zip(lowered.op.tolist(), lowered.fan_in.tolist(), strict=True):
        literals.append(graph.gate(Op(op), literals[a], literals[b]))
    return graph, [literals[net] for bus in lowered.outputs for net in bus.nets]


def _header(kind: str, graph: _Graph, outputs: list[int]) -> str:
    ands = len(graph.ands)
    return f"{kind} {graph.inputs + ands} {graph.inputs} 0 {len(outputs)} {ands}"


def _symbols(netlist: Netlist) -> list[str]:
    """Return the lines of the symbol table and the comment."""
    names = [netlist.name, *(bus.name for bus in netlist.inputs + netlist.outputs)]
    if broken := [name for name in names if len(name.splitlines()) != 1]:
        raise ValueError(f"names must be one line, got {broken[0]!r}")
    lines = []
    for letter, ports in (("i", netlist.inputs), ("o", netlist.outputs)):
        bits = [f"{bus.name}[{bit}]" for bus in ports for bit in range(bus.width)]
        lines += [f"{letter}{number} {name}" for number, name in enumerate(bits)]
    return [*lines, "c", f"{NAME_COMMENT}{netlist.name}", "Written by multipliers.to_aiger."]
