"""AIGER, ascii and binary, read into netlists: circuits of AND gates and inverters.

References:
    A. Biere, "The AIGER And-Inverter Graph (AIG) format version 20071012", Report 07/1, Institute
    for Formal Models and Verification, Johannes Kepler University, 2007.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from multipliers.bounded_file import read_bytes
from multipliers.formats.bit_names import PortBits, group_bits, halves
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1, Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind
from multipliers.wording import counted

_HEADER = re.compile(rb"(aag|aig)((?: \d{1,9}){5,9})")
_WIDEST = 1 << 12
NAME_COMMENT = "name "
"""Beginning of the comment in which `to_aiger` writes the circuit's name."""


def read_aiger(path: str | Path) -> Netlist:
    """Read an ascii (``.aag``) or binary (``.aig``) AIGER file into a netlist.

    The names of the symbol table put the bits together to ports, ``a[0]``, ``a_0`` or ``a0``;
    without it the inputs are two operands A and B of equal width, the output is O. An AND of two
    inverted nets becomes a NOR, three ANDs that are an exclusive or become one gate; other inverted
    nets share one inverter.

    Args:
        path: The file.

    Returns:
        The netlist, named by the comment that `to_aiger` writes, else as the file.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is empty, truncated or not AIGER, has latches or properties, or
            names only some of its bits, or drives a net twice or by itself.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import array_multiplier, to_aiger
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul4u_array.aag"
        ...     _ = path.write_text(to_aiger(array_multiplier(signed=False, width=4)))
        ...     print(read_aiger(path))
        mul4u_array: A[4], B[4] -> O[8], 72 gates
    """
    return parse_aiger(read_bytes(path), name=Path(path).stem, file=str(path))


def parse_aiger(content: bytes, *, name: str = "aiger", file: str = "text") -> Netlist:
    r"""Read AIGER from bytes; see `read_aiger`.

    Args:
        content: The file's content, ascii or binary.
        name: Name of the circuit unless a comment states it.
        file: What errors and the netlist's `source` call the content.

    Returns:
        The netlist.

    Raises:
        NetlistError: As `read_aiger`.

    Examples:
        >>> print(parse_aiger(b"aag 3 2 0 1 1\n2\n4\n7\n6 2 4\n"))
        aiger: A[1], B[1] -> O[1], 2 gates
    """
    check_kind("content", content, bytes)
    check_kind("name", name, str)
    check_kind("file", file, str)
    if not content.strip():
        raise NetlistError("the file is empty", file=file)
    graph = _Reader(content, file).read()
    return _build(graph, graph.name or name, file)


@dataclass(slots=True)
class _Graph:
    """An and-inverter graph: literal 2v is variable v, 2v + 1 its complement."""

    variables: int
    inputs: list[int]
    outputs: list[int] = field(default_factory=list)
    ands: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Literals of output and inputs, and the line."""
    input_names: dict[int, str] = field(default_factory=dict)
    output_names: dict[int, str] = field(default_factory=dict)
    name: str = ""


@dataclass(slots=True)
class _Reader:
    """The position in a file."""

    content: bytes
    file: str
    position: int = 0
    line: int = 0

    def read(self) -> _Graph:
        """Return the graph of the file."""
        header = _HEADER.fullmatch(self._next_line())
        if header is None:
            raise self._error("the first line must be 'aag' or 'aig' and 5 to 9 numbers, M I L O A")
        binary = header[1] == b"aig"
        variables, inputs, latches, outputs, ands, *properties = map(int, header[2].split())
        if latches or any(properties):
            message = "latches and properties are not supported, the circuit must be combinational"
            raise self._error(message)
        if inputs > _WIDEST or outputs > _WIDEST:
            raise self._error(f"there must be at most {_WIDEST} inputs and outputs")
        if variables < inputs + ands or (binary and variables != inputs + ands):
            raise self._error(f"M must be I + A = {inputs + ands}, got {variables}")
        graph = _Graph(variables, [2 * variable for variable in range(1, inputs + 1)])
        if not binary:
            graph.inputs = [self._literals(1, variables)[0] for _ in range(inputs)]
        graph.outputs = [self._literals(1, variables)[0] for _ in range(outputs)]
        for number in range(ands):
            if binary:
                output = 2 * (inputs + number + 1)
                first = output - self._delta()
                second = first - self._delta()
                if not output > first >= second >= 0:
                    raise self._error(f"AND gate {number} must read nets before it")
            else:
                output, first, second = self._literals(3, variables)
            graph.ands.append((output, first, second, self.line))
        self._read_symbols(graph)
        return graph

    def _read_symbols(self, graph: _Graph) -> None:
        """Read the symbol table and the comment behind it."""
        while self.position < len(self.content):
            line = self._next_line()
            if line == b"c":
                comment = self.content[self.position :].decode("utf-8", "replace")
                stated = [text for text in comment.splitlines() if text.startswith(NAME_COMMENT)]
                graph.name = stated[0].removeprefix(NAME_COMMENT).strip() if stated else ""
                return
            match = re.fullmatch(rb"([ilobcjf])(\d{1,9}) (.+)", line)
            if match is None:
                if not line.strip() and self.position >= len(self.content):
                    return
                raise self._error("behind the gates there must be symbols, i0 name, or a comment")
            names = {b"i": graph.input_names, b"o": graph.output_names}.get(match[1])
            count = len(graph.inputs if match[1] == b"i" else graph.outputs)
            if names is None or int(match[2]) >= count or int(match[2]) in names:
                raise self._error(f"symbol {match[1].decode()}{int(match[2])} must be one of an "
                                  "input or output, and be given once")  # fmt: skip
            try:
                names[int(match[2])] = match[3].decode("utf-8")
            except UnicodeDecodeError:
                raise self._error("a symbol is not UTF-8 text") from None

    def _next_line(self) -> bytes:
        if self.position >= len(self.content):
            raise NetlistError("the file is truncated", file=self.file)
        end = self.content.find(b"\n", self.position)
        end = len(self.content) if end < 0 else end
        line = self.content[self.position : end].removesuffix(b"\r")
        self.position, self.line = end + 1, self.line + 1
        return line

    def _literals(self, count: int, variables: int) -> list[int]:
        """Return the numbers of the next line."""
        line = self._next_line()
        words = line.split(b" ")
        if len(words) != count or not all(re.fullmatch(rb"\d{1,10}", word) for word in words):
            shown = line[:40].decode("ascii", "replace")
            raise self._error(f"the line must have {counted(count, 'number')}, got '{shown}'")
        literals = [int(word) for word in words]
        if max(literals) > 2 * variables + 1:
            raise self._error(f"literals must be at most {2 * variables + 1}, got {max(literals)}")
        return literals

    def _delta(self) -> int:
        """Return a number of 7 bits a byte, the lowest first; the top bit says that more follow."""
        number = 0
        for shift in range(0, 35, 7):
            if self.position >= len(self.content):
                raise NetlistError("the file is truncated", file=self.file)
            byte = self.content[self.position]
            self.position += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise self._error("a number of the binary part has more than 5 bytes")

    def _error(self, message: str) -> NetlistError:
        return NetlistError(message, file=self.file, line=max(1, self.line))


def _build(graph: _Graph, name: str, file: str) -> Netlist:
    """Turn a graph into gates."""
    builder = NetlistBuilder(name, file)
    try:
        operands = _ports(graph.inputs, graph.input_names, ("A", "B"))
        results = _ports(graph.outputs, graph.output_names, ("O",))
    except ValueError as error:
        raise NetlistError(str(error), file=file) from None
    nets = {0: CONSTANT_0, 1: CONSTANT_1}
    for port in operands:
        bits = builder.input(port.name, len(port.positions))
        for position, net in zip(port.positions, bits, strict=True):
            literal = graph.inputs[position]
            if literal in nets or literal % 2:
                raise NetlistError(f"input {position} must be a literal of its own", file=file)
            nets[literal] = net
    for output, _, _, line in graph.ands:
        if output in nets or output % 2:
            message = f"AND gate {output} must have a literal of its own"
            raise NetlistError(message, file=file, line=line)
        nets[output] = builder.net(str(output), (file, line))

    def net_of(literal: int, line: int | None) -> int:
        if literal not in nets:
            if literal - literal % 2 not in nets:
                message = f"literal {literal} is read, but is no input and no AND gate"
                raise NetlistError(message, file=file, line=line)
            nets[literal] = builder.gate(Op.INV, nets[literal - 1])
        return nets[literal]

    fan_ins = {output: (first, second) for output, first, second, _ in graph.ands}
    for output, first, second, line in graph.ands:
        op, literals = _gate(first, second, fan_ins)
        sources = [net_of(literal, line) for literal in literals]
        builder.drive(nets[output], op, *sources, place=(file, line))
    bits = tuple(net_of(literal, None) for literal in graph.outputs)
    for port in results:
        builder.output(port.name, [bits[position] for position in port.positions])
    return builder.build()


def _gate(first: int, second: int, fan_ins: dict[int, tuple[int, int]]) -> tuple[Op, list[int]]:
    """Return the gate that an AND of two literals is, and the literals that it reads.

    ``~(a & b) & ~(~a & ~b)`` is an exclusive or, whose inverted inputs invert its output.
    """
    if min(first, second) < 2 or first % 2 + second % 2 < 2:
        return Op.AND, [first, second]
    inner, other = fan_ins.get(first - 1), fan_ins.get(second - 1)
    if inner is None or other is None or set(inner) != {literal ^ 1 for literal in other}:
        return Op.NOR, [first - 1, second - 1]
    op = Op.XNOR if sum(inner) % 2 else Op.XOR
    return op, [literal - literal % 2 for literal in inner]


def _ports(
    literals: list[int], names: dict[int, str], defaults: tuple[str, ...]
) -> tuple[PortBits, ...]:
    """Return the ports by their names, else ports of equal width with default names."""
    count = len(literals)
    if names:
        if len(names) != count:
            raise ValueError(f"the symbol table must name all {count} bits or none of a kind, "
                             f"got {len(names)}")  # fmt: skip
        return group_bits([names[position] for position in range(count)])
    widths = (count,) if len(defaults) == 1 else halves(count)
    first = [sum(widths[:number]) for number in range(len(widths))]
    return tuple(
        PortBits(name, tuple(range(start, start + width)))
        for name, start, width in zip(defaults, first, widths, strict=True)
    )
