"""Chromosomes of Cartesian genetic programming read into netlists and written, as in ArithsGen.

A chromosome is ``{n_in,n_out,rows,columns,n_i,n_o,l_back}([id]in1,in2,function)...(outputs)``.
Ids 0 and 1 are the constants, then come the input bits, the first operand's least significant bit
first. Functions: 0 identity, 1 NOT, 2 AND, 3 OR, 4 XOR, 5 NAND, 6 NOR, 7 XNOR, 8 one, 9 zero.

References:
    J. Klhufek and V. Mrazek, "ArithsGen: Arithmetic circuit generator for hardware accelerators",
    DDECS 2022.
"""

from __future__ import annotations

import re
from pathlib import Path

from multipliers.bounded_file import read_text
from multipliers.formats.bit_names import halves
from multipliers.formats.two_input import two_input_gates
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.gates import Op
from multipliers.netlists.netlist import CONSTANT_0, CONSTANT_1, Netlist, check_netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

_FUNCTIONS = (Op.BUF, Op.INV, Op.AND, Op.OR, Op.XOR, Op.NAND, Op.NOR, Op.XNOR)
_ONE, _ZERO = 8, 9
_WIDEST = 1 << 12
_NUMBER = r"\s*(\d{1,9})\s*"
# ASCII: int() refuses some of the separators that would count as blanks otherwise.
_HEADER = re.compile(rf"\s*\{{{','.join([_NUMBER] * 7)}\}}\s*", re.ASCII)
_NODE = re.compile(rf"\(\s*\[{_NUMBER}\]{','.join([_NUMBER] * 3)}\)\s*", re.ASCII)
_OUTPUTS = re.compile(r"\(\s*(\d{1,9}(?:\s*,\s*\d{1,9})*)\s*\)\s*", re.ASCII)


def read_cgp(path: str | Path, *, widths: tuple[int, int] | None = None) -> Netlist:
    """Read a CGP chromosome into a netlist.

    Args:
        path: The file, UTF-8, with one chromosome.
        widths: Widths of the two operands, None for two of equal width.

    Returns:
        The netlist, named as the file, with the ports A, B and O.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is empty, truncated, not UTF-8 or no chromosome, or `widths` are
            not those of its inputs.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import array_multiplier
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul4u_array.cgp"
        ...     _ = path.write_text(to_cgp(array_multiplier(signed=False, width=4)))
        ...     print(read_cgp(path))
        mul4u_array: A[4], B[4] -> O[8], 64 gates
    """
    text = read_text(path)
    return parse_cgp(text, name=Path(path).stem, widths=widths, file=str(path))


def parse_cgp(
    text: str,
    *,
    name: str = "cgp",
    widths: tuple[int, int] | None = None,
    file: str = "text",
) -> Netlist:
    """Read a CGP chromosome from a string; see `read_cgp`.

    Args:
        text: The chromosome.
        name: Name of the circuit, which the format does not have.
        widths: Widths of the two operands, None for two of equal width.
        file: What errors and the netlist's `source` call the text.

    Returns:
        The netlist.

    Raises:
        NetlistError: As `read_cgp`.

    Examples:
        >>> print(parse_cgp("{2,1,1,1,2,1,0}([4]2,3,2)(4)"))
        cgp: A[1], B[1] -> O[1], 1 gate
    """
    check_kind("text", text, str)
    check_kind("name", name, str)
    check_kind("file", file, str)
    if widths is not None:
        check_kind("widths", widths, tuple, advice="of the widths of both inputs in bits")
        if len(widths) != 2:
            raise ValueError(f"'widths' must be two numbers, got {widths}")
        a, b = widths
        widths = check_parameter("widths", a, 0), check_parameter("widths", b, 0)
    if not text.strip():
        raise NetlistError("the file is empty", file=file)

    def error(message: str, position: int) -> NetlistError:
        return NetlistError(message, file=file, line=text.count("\n", 0, position) + 1)

    header = _HEADER.match(text)
    if header is None:
        raise error("a chromosome must begin with {n_in,n_out,rows,columns,n_i,n_o,l_back}", 0)
    inputs, outputs, rows, columns, node_inputs, node_outputs, _ = map(int, header.groups())
    if (node_inputs, node_outputs) != (2, 1):
        message = f"nodes must have 2 inputs and 1 output, got {node_inputs} and {node_outputs}"
        raise error(message, 0)
    if inputs > _WIDEST:
        raise error(f"a chromosome must have at most {_WIDEST} inputs, got {inputs}", 0)
    try:
        widths = widths or halves(inputs)
    except ValueError as cause:
        raise error(f"{cause}; pass their widths to read_cgp()", 0) from None
    if sum(widths) != inputs:
        raise error(f"'widths' must add up to {inputs} inputs, got {widths}", 0)
    builder = NetlistBuilder(name, file)
    bits = [*builder.input("A", widths[0]), *builder.input("B", widths[1])]
    nets = dict(enumerate([CONSTANT_0, CONSTANT_1, *bits]))
    position, count = header.end(), 0
    while node := _NODE.match(text, position):
        identity, first, second, function = map(int, node.groups())
        if identity in nets:
            raise error(f"node {identity} is defined twice, or is an input", position)
        if unknown := [source for source in (first, second) if source not in nets]:
            message = f"node {identity} reads {unknown[0]}, which is no input or earlier node"
            raise error(message, position)
        nets[identity] = _add_node(builder, function, nets[first], nets[second])
        if nets[identity] < 0:
            raise error(f"the function must be 0 to 9, got {function}", position)
        position, count = node.end(), count + 1
    if count != rows * columns:
        message = f"a chromosome of {rows} x {columns} must have {rows * columns} nodes"
        raise error(f"{message}, got {count} up to '{text[position : position + 20]}'", position)
    result = _OUTPUTS.match(text, position)
    if result is None:
        raise error("behind the nodes there must be the list of outputs in brackets", position)
    if result.end() != len(text):
        raise error("behind the outputs there must be nothing else", result.end())
    numbers = [int(number) for number in result[1].split(",")]
    if len(numbers) != outputs:
        raise error(f"there must be {counted(outputs, 'output')}, got {len(numbers)}", position)
    if unknown := [number for number in numbers if number not in nets]:
        raise error(f"there is no node {unknown[0]}, but an output reads it", position)
    builder.output("O", [nets[number] for number in numbers])
    return builder.build()


def to_cgp(netlist: Netlist) -> str:
    r"""Return a netlist as a CGP chromosome of one row.

    Gates of three inputs are written as several nodes, so that `read_cgp` reads back the same
    function, and the same gates if all have one or two inputs and none is a buffer.

    Args:
        netlist: The circuit, with two input ports and one output port; their names are lost.

    Returns:
        The chromosome, one line.

    Raises:
        ValueError: If the circuit has other ports.

    Examples:
        >>> from multipliers import array_multiplier
        >>> to_cgp(array_multiplier(signed=False, width=1))
        '{2,2,1,1,2,1,0}([4]2,3,2)(4,0)\n'
    """
    check_netlist("netlist", netlist)
    if len(netlist.inputs) != 2 or len(netlist.outputs) != 1:
        raise ValueError(f"'netlist' must have two input ports and one output port, got {netlist}")
    lowered = two_input_gates(netlist)
    nodes = [
        f"([{net}]{a},{a if Op(op).arity == 1 else b},{_FUNCTIONS.index(Op(op))})"
        for net, (op, (a, b, _)) in enumerate(
            zip(lowered.op.tolist(), lowered.fan_in.tolist(), strict=True), lowered.first_gate
        )
    ]
    (output,) = lowered.outputs
    header = f"{{{lowered.first_gate - 2},{output.width},1,{len(nodes)},2,1,0}}"
    return f"{header}{''.join(nodes)}({','.join(map(str, output.nets))})\n"


def _add_node(builder: NetlistBuilder, function: int, first: int, second: int) -> int:
    """Return the net of a node, -1 if there is no such function."""
    if function in (_ONE, _ZERO):
        return CONSTANT_1 if function == _ONE else CONSTANT_0
    if function >= len(_FUNCTIONS):
        return -1
    op = _FUNCTIONS[function]
    if op is Op.BUF:
        return first
    return builder.gate(op, *(first, second)[: op.arity])
