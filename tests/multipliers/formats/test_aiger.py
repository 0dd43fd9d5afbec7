"""AIGER: examples of the format's report, ports by symbols, and the way back from our writers."""

import numpy as np
import pytest

from multipliers import (
    NetlistBuilder,
    NetlistError,
    Op,
    array_multiplier,
    broken_array_multiplier,
    parse_aiger,
    read_aiger,
    simulate,
    to_aiger,
    to_binary_aiger,
    tree_multiplier,
)

# Biere 2007, section 2: a half adder, once with its symbols and comment.
HALF_ADDER = b"""aag 7 2 0 2 3
2
4
6
12
6 13 15
12 2 4
14 3 5
i0 x
i1 y
o0 s
o1 c
c
half adder
"""


def test_half_adder():
    netlist = parse_aiger(HALF_ADDER)
    assert [bus.name for bus in netlist.inputs + netlist.outputs] == ["x", "y", "s", "c"]
    assert sorted(netlist.op.tolist()) == [Op.AND, Op.XOR]
    plain = parse_aiger(HALF_ADDER[: HALF_ADDER.index(b"i0")])
    assert str(plain) == "aiger: A[1], B[1] -> O[2], 2 gates"
    assert simulate(plain).tolist() == [[0, 1], [1, 2]]


def test_binary_and_gate():
    """Biere 2007, section 3: the OR gate ``aig 3 2 0 1 1``, whose only AND is 6 = 5 & 3."""
    netlist = parse_aiger(b"aig 3 2 0 1 1\n7\n\x01\x02")
    assert simulate(netlist).tolist() == [[0, 1], [1, 1]]


def test_constants_inverted_inputs_and_unordered_gates():
    text = b"aag 4 2 0 4 2\n2\n4\n0\n1\n3\n8\n8 7 2\n6 5 2\n"
    assert simulate(parse_aiger(text)).tolist() == [[6, 6], [2, 10]]


def test_symbols_group_the_ports():
    text = b"aag 4 4 0 1 0\n2\n4\n6\n8\n2\ni0 a[1]\ni1 a[0]\ni2 b[0]\ni3 b[1]\no0 z\n"
    netlist = parse_aiger(text)
    assert str(netlist) == "aiger: a[2], b[2] -> z[1], 0 gates"
    assert simulate(netlist)[:, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "^bad.aag: the file is empty$"),
        (b"aag 1 1 0\n", "^bad.aag:1: the first line must be 'aag' or 'aig'"),
        (b"aag 1 0 1 0 0\n2 3\n", "1: latches and properties are not supported"),
        (b"aag 2 2 0 0 0 1\n2\n4\n", "1: latches and properties are not supported"),
        (b"aag 99999 99999 0 0 0\n", "1: there must be at most 4096 inputs and outputs"),
        (b"aag 1 2 0 1 0\n2\n4\n2\n", "1: M must be I . A = 2, got 1"),
        (b"aig 4 2 0 1 1\n7\n\x01\x02", "1: M must be I . A = 3, got 4"),
        (b"aag 2 2 0 1 0\n2\n", "^bad.aag: the file is truncated"),
        (b"aig 3 2 0 1 1\n7\n\x01", "^bad.aag: the file is truncated"),
        (b"aig 3 2 0 1 1\n7\n\x81\x81\x81\x81\x81\x01", "of the binary part has more than 5"),
        (b"aig 3 2 0 1 1\n7\n\x00\x01", "2: AND gate 0 must read nets before it"),
        (b"aig 3 2 0 1 1\n7\n\x07\x00", "2: AND gate 0 must read nets before it"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n6 2\n", "5: the line must have 3 numbers, got '6 2'"),
        (b"aag 3 2 0 1 1\n2\n4\nx\n6 2 4\n", "4: the line must have 1 number, got 'x'"),
        (b"aag 3 2 0 1 1\n2\n4\n8\n6 2 4\n", "4: literals must be at most 7, got 8"),
        (b"aag 3 2 0 1 1\n2\n2\n6\n6 2 4\n", "input 1 must be a literal of its own"),
        (b"aag 3 2 0 1 1\n2\n5\n6\n6 2 4\n", "input 1 must be a literal of its own"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n4 2 2\n", "5: AND gate 4 must have a literal of its own"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n7 2 4\n", "5: AND gate 7 must have a literal of its own"),
        (b"aag 4 2 0 1 1\n2\n4\n6\n6 2 8\n", "5: literal 8 is read, but is no input and no AND"),
        (b"aag 3 2 0 1 0\n2\n4\n6\n", "literal 6 is read, but is no input and no AND gate"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n6 6 4\n", "5: combinational cycle: 6 -> 6"),
        (b"aag 2 2 0 1 0\n2\n4\n2\nhello\n", "5: behind the gates there must be symbols"),
        (b"aag 2 2 0 1 0\n2\n4\n2\ni0 a\n", "must name all 2 bits or none of a kind, got 1"),
        (b"aag 2 2 0 1 0\n2\n4\n2\ni0 a\ni0 b\n", "6: symbol i0 must be one of an input or output"),
        (b"aag 2 2 0 1 0\n2\n4\n2\ni2 a\n", "5: symbol i2 must be one of an input or output"),
        (b"aag 2 2 0 1 0\n2\n4\n2\ni0 a[0]\ni1 a[2]\n", "the bits of port 'a' have gaps: 0, 2"),
        (b"aag 2 2 0 1 0\n2\n4\n2\ni0 \xff\n", "5: a symbol is not UTF-8 text"),
        (b"aag 3 3 0 1 0\n2\n4\n6\n2\n", "3 input bits are no two operands of equal width"),
    ],
)  # fmt: skip
def test_mistake(content, message):
    with pytest.raises(NetlistError, match=message) as error:
        parse_aiger(content, file="bad.aag")
    assert str(error.value).startswith("bad.aag:")


@pytest.mark.parametrize("write", [lambda netlist: to_aiger(netlist).encode(), to_binary_aiger])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "generate",
    [
        array_multiplier,
        tree_multiplier,
        lambda signed: broken_array_multiplier(2, 5, signed=signed),
    ],
)
def test_round_trip(tmp_path, generate, signed, write):
    netlist = generate(signed=signed)
    (tmp_path / "m.aag").write_bytes(write(netlist))
    read = read_aiger(tmp_path / "m.aag")
    assert (read.name, read.inputs) == (netlist.name, netlist.inputs)
    assert np.array_equal(simulate(read), simulate(netlist))
    assert np.isin(read.op, [Op.XOR, Op.XNOR]).sum() > 50


def test_ascii_and_binary_are_the_same_graph():
    netlist = array_multiplier(signed=True)
    assert parse_aiger(to_aiger(netlist).encode()) == parse_aiger(to_binary_aiger(netlist))


def test_round_trip_of_every_gate():
    builder = NetlistBuilder("gates")
    nets = [*builder.input("a", 2), *builder.input("b", 1)]
    gates = [builder.gate(op, *nets[: op.arity]) for op in Op]
    tied = [builder.gate(op, 1, nets[0], 0)
            for op in (Op.MAJ, Op.MUX, Op.XOR3)]  # fmt: skip
    builder.output("y", [*gates, *tied, builder.gate(Op.XOR, nets[0], nets[0]), 0, 1, nets[1]])
    netlist = builder.build()
    assert np.array_equal(simulate(parse_aiger(to_binary_aiger(netlist))), simulate(netlist))


def test_names_of_several_lines():
    builder = NetlistBuilder("two\nlines")
    builder.output("y", builder.input("a", 1))
    with pytest.raises(ValueError, match=r"names must be one line, got 'two\\nlines'"):
        to_aiger(builder.build())
