"""CGP chromosomes: the dialect of ArithsGen, its own files, and the way back from our writer."""

import io

import numpy as np
import pytest
from ariths_gen.core.cgp_circuit import SignedCGPCircuit, UnsignedCGPCircuit
from ariths_gen.multi_bit_circuits import multipliers
from ariths_gen.wire_components import Bus

from multipliers import (
    NetlistBuilder,
    NetlistError,
    Op,
    array_multiplier,
    broken_array_multiplier,
    code_values,
    parse_cgp,
    read_cgp,
    simulate,
    to_cgp,
    tree_multiplier,
)

# ruff: noqa: ARG005

FUNCTIONS = [
    lambda a, b: a, lambda a, b: 1 - a, lambda a, b: a & b, lambda a, b: a | b,
    lambda a, b: a ^ b, lambda a, b: 1 - (a & b), lambda a, b: 1 - (a | b),
    lambda a, b: 1 - (a ^ b), lambda a, b: 1, lambda a, b: 0,
]  # fmt: skip


@pytest.mark.parametrize("function", range(10))
def test_function(function):
    table = simulate(parse_cgp(f"{{2,1,1,1,2,1,1}}([4]2,3,{function})(4)"))
    assert table.tolist() == [[FUNCTIONS[function](a, b) for b in (0, 1)] for a in (0, 1)]


def test_order_of_bits_constants_and_white_space():
    netlist = parse_cgp(" { 3, 4, 1,1, 2,1,0 }\n ( [5] 3, 4, 4 )\n ( 5 , 2,1 ,0)\n", widths=(1, 2))
    assert [(bus.name, bus.width) for bus in netlist.inputs] == [("A", 1), ("B", 2)]
    table = simulate(netlist)
    for a in range(2):
        for b in range(4):
            assert table[a, b] == ((b ^ b >> 1) & 1) + 2 * a + 4


def test_ids_may_have_gaps():
    assert simulate(parse_cgp("{2,1,1,2,2,1,0}([7]2,3,2)([9]7,7,1)(9)")).tolist() == [
        [1, 1],
        [1, 0],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "^bad.cgp: the file is empty$"),
        ("{2,1,1,1,2,1}([4]2,3,2)(4)", "1: a chromosome must begin with {n_in,n_out,"),
        ("{2,1,1,1,3,1,0}([4]2,3,2)(4)", "1: nodes must have 2 inputs and 1 output, got 3 and 1"),
        ("{3,1,1,1,2,1,0}([5]2,3,2)(5)", "1: 3 input bits are no two operands .* pass their"),
        ("{9998,1,1,0,2,1,0}(0)", "1: a chromosome must have at most 4096 inputs, got 9998"),
        ("{2,1,1,1,2,1,0}\n([4]2,5,2)(4)", "2: node 4 reads 5, which is no input or earlier node"),
        ("{2,1,1,1,2,1,0}([4]4,3,2)(4)", "1: node 4 reads 4, which is no input or earlier node"),
        ("{2,1,1,2,2,1,0}([4]2,3,2)([4]2,3,3)(4)", "1: node 4 is defined twice, or is an input"),
        ("{2,1,1,1,2,1,0}([3]2,3,2)(3)", "1: node 3 is defined twice, or is an input"),
        ("{2,1,1,1,2,1,0}([4]2,3,10)(4)", "1: the function must be 0 to 9, got 10"),
        ("{2,1,2,2,2,1,0}([4]2,3,2)(4)", r"of 2 x 2 must have 4 nodes, got 1 up to '\(4"),
        ("{2,1,1,1,2,1,0}([4]2,3,2)", "1: behind the nodes there must be the list of outputs"),
        ("{2,1,1,1,2,1,0}([4]2,3,2)(5)", "1: there is no node 5, but an output reads it"),
        ("{2,2,1,1,2,1,0}([4]2,3,2)(4)", "1: there must be 2 outputs, got 1"),
        ("{2,1,1,1,2,1,0}([4]2,3,2)(\x1c4)", "1: behind the nodes there must be the list"),
        ("{2,1,1,1,2,1,0}([4]2,3\x1f,2)(4)", "1: a chromosome of 1 x 1 must have 1 nodes, got 0"),
        ("{2,1,1,1,2,1,0}([4]2,3,2)(4)\n{", "2: behind the outputs there must be nothing else"),
    ],
)  # fmt: skip
def test_mistake(text, message):
    with pytest.raises(NetlistError, match=message) as error:
        parse_cgp(text, file="bad.cgp")
    assert str(error.value).startswith("bad.cgp:")


def test_widths_that_do_not_fit():
    with pytest.raises(NetlistError, match=r"'widths' must add up to 2 inputs, got \(1, 2\)"):
        parse_cgp("{2,1,1,1,2,1,0}([4]2,3,2)(4)", widths=(1, 2))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "generate",
    [
        array_multiplier,
        tree_multiplier,
        lambda signed: broken_array_multiplier(2, 5, signed=signed),
    ],
)
def test_round_trip(tmp_path, generate, signed):
    netlist = generate(signed=signed)
    text = to_cgp(netlist)
    (tmp_path / f"{netlist.name}.cgp").write_text(text)
    read = read_cgp(tmp_path / f"{netlist.name}.cgp")
    assert read.name == netlist.name
    assert np.array_equal(simulate(read), simulate(netlist))
    assert parse_cgp(to_cgp(read), name=read.name) == read
    kind = SignedCGPCircuit if signed else UnsignedCGPCircuit
    values = code_values(signed).astype(np.int64)
    theirs = kind(code=text.strip(), input_widths=[8, 8], name="m")(
        values[:, None], values[None, :]
    )
    assert np.array_equal(theirs, simulate(netlist, signed=signed))


def test_round_trip_of_every_gate():
    builder = NetlistBuilder("gates")
    nets = [*builder.input("A", 2), *builder.input("B", 1)]
    gates = [builder.gate(op, *nets[: op.arity]) for op in Op]
    builder.output("O", [*gates, 0, 1, nets[1]])
    netlist = builder.build()
    read = parse_cgp(to_cgp(netlist), widths=(2, 1))
    assert np.array_equal(simulate(read), simulate(netlist))


def test_other_ports():
    builder = NetlistBuilder("one")
    builder.output("y", builder.input("a", 2))
    with pytest.raises(ValueError, match="must have two input ports and one output port, got one:"):
        to_cgp(builder.build())


@pytest.mark.parametrize("kind", ["Array", "Dadda", "Wallace"])
@pytest.mark.parametrize("sign", ["Signed", "Unsigned"])
def test_files_of_another_program(sign, kind):
    circuit = getattr(multipliers, f"{sign}{kind}Multiplier")(Bus("a", 8), Bus("b", 8))
    text = io.StringIO()
    circuit.get_cgp_code_flat(text)
    values = code_values(sign == "Signed").astype(np.int64)
    table = simulate(parse_cgp(text.getvalue()), signed=sign == "Signed")
    assert np.array_equal(table, circuit(values[:, None], values[None, :]))
