"""What is written reads back as the same function, and adders as adders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import (
    NetlistBuilder,
    Op,
    array_multiplier,
    broken_array_multiplier,
    demo_netlist,
    parse_verilog,
    simulate,
    to_verilog,
    tree_multiplier,
    truncated_multiplier,
)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "generate",
    [
        array_multiplier,
        tree_multiplier,
        lambda signed: broken_array_multiplier(2, 5, signed=signed),
        lambda signed: truncated_multiplier(8, signed=signed),
    ],
)
def test_round_trip(generate, signed):
    netlist = generate(signed=signed)
    read = parse_verilog(to_verilog(netlist))
    assert (read.name, len(read.inputs), read.outputs[0].width) == (netlist.name, 2, 16)
    assert np.array_equal(simulate(read), simulate(netlist))


def test_full_adders_stay_full_adders():
    """Only a sum whose carry nobody needs is written with two XORs."""
    netlist = array_multiplier(signed=False)
    read = parse_verilog(to_verilog(netlist))
    assert np.array_equal(np.bincount(read.op), np.bincount(netlist.op))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Op), *[st.integers(0, 1 << 20)] * 3), max_size=25))
def test_round_trip_of_random_gates(gates):
    builder = NetlistBuilder("random")
    nets = [0, 1, *builder.input("n4", 3), *builder.input("n", 2)]
    for op, *choices in gates:
        nets.append(builder.gate(op, *(nets[c % len(nets)] for c in choices[: op.arity])))
    builder.output("y", nets[-8:])
    netlist = builder.build()
    assert np.array_equal(simulate(parse_verilog(to_verilog(netlist))), simulate(netlist))


def test_shipped_netlist_is_what_the_generator_writes():
    written = to_verilog(broken_array_multiplier(0, 8, signed=True))
    assert demo_netlist().read_text(encoding="utf-8") == written


def test_names_that_are_no_identifiers():
    builder = NetlistBuilder("two words")
    builder.output("y", builder.input("a", 1))
    with pytest.raises(
        ValueError, match="names must be of printable ASCII characters, got 'two words'"
    ):
        to_verilog(builder.build())


def test_names_that_are_keywords_or_no_identifiers():
    builder = NetlistBuilder("module")
    bit, odd = builder.input("bit", 2), builder.input("a+b", 1)
    builder.output("always", [builder.gate(Op.AND, bit[1], odd[0]), bit[0]])
    netlist = builder.build()
    text = to_verilog(netlist)
    assert r"module \module (input [1:0] \bit , input [0:0] \a+b , output [1:0] \always );" in text
    assert parse_verilog(text) == netlist


def test_every_gate_comes_back_as_itself():
    builder = NetlistBuilder("m")
    a, b, c = builder.input("a", 3)
    nets = [builder.gate(op, *(a, b, c)[: op.arity]) for op in Op if op is not Op.BUF]
    builder.output("y", nets)
    netlist = builder.build()
    again = parse_verilog(to_verilog(netlist))
    assert sorted(map(Op, again.op.tolist())) == sorted(map(Op, netlist.op.tolist()))
