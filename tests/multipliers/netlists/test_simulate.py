"""Bit-parallel simulation against one Python evaluation per operand pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import Bus, Netlist, NetlistBuilder, Op, array_multiplier, simulate
from multipliers.netlists.simulate import evaluate


@st.composite
def netlists(draw):
    """Random netlists with dead gates, repeated fan-ins and inputs or constants as outputs."""
    widths = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    first_gate = 2 + sum(widths)
    ops = draw(st.lists(st.sampled_from(Op), max_size=30))
    fan_in = [
        [draw(st.integers(0, first_gate + gate - 1)) if k < op.arity else 0 for k in range(3)]
        for gate, op in enumerate(ops)
    ]
    nets = st.integers(0, first_gate + len(ops) - 1)
    output = draw(st.lists(nets, min_size=1, max_size=8))
    inputs = (
        Bus("a", tuple(range(2, 2 + widths[0]))),
        Bus("b", tuple(range(2 + widths[0], first_gate))),
    )
    op = np.array([int(op) for op in ops], dtype=np.uint8)
    return Netlist("m", inputs, (Bus("y", tuple(output)),), op, np.array(fan_in, dtype=np.int32))


def evaluate_pair(netlist, a, b, signed):
    x, w = netlist.inputs
    values = [
        0,
        1,
        *((a >> k) & 1 for k in range(x.width)),
        *((b >> k) & 1 for k in range(w.width)),
    ]
    for op, fan_in in zip(map(Op, netlist.op), netlist.fan_in, strict=True):
        values.append(op(*(values[net] for net in fan_in[: op.arity])))
    bits = [values[net] for net in netlist.outputs[0].nets]
    number = sum(bit << k for k, bit in enumerate(bits))
    return number - (bits[-1] << len(bits)) if signed else number


@settings(max_examples=60, deadline=None)
@given(netlists(), st.booleans())
def test_every_pair(netlist, signed):
    x, w = netlist.inputs
    table = simulate(netlist, signed=signed)
    assert table.dtype == np.int32
    assert table.tolist() == [
        [evaluate_pair(netlist, a, b, signed) for b in range(1 << w.width)]
        for a in range(1 << x.width)
    ]


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("port", [0, 1])
def test_first_port_is_the_row(port, bit):
    builder = NetlistBuilder("m")
    ports = builder.input("a", 8), builder.input("b", 8)
    builder.output("y", [ports[port][bit]])
    codes = np.arange(256) >> bit & 1
    expected = codes[:, None] if port == 0 else codes[None, :]
    assert np.array_equal(simulate(builder.build()), np.broadcast_to(expected, (256, 256)))


def test_operands_of_different_widths():
    builder = NetlistBuilder("m")
    a, b = builder.input("a", 9), builder.input("b", 2)
    builder.output("y", builder.add([a, [0, 0, *b]], 10))
    expected = np.arange(512)[:, None] + 4 * np.arange(4)
    assert np.array_equal(simulate(builder.build()), expected)


def test_circuits_that_are_no_two_operand_function():
    builder = NetlistBuilder("inverter")
    builder.output("y", [builder.gate(Op.INV, *builder.input("a", 1))])
    with pytest.raises(
        ValueError, match=r"two input ports and one output port, got inverter: a\[1\]"
    ):
        simulate(builder.build())


def test_tables_too_large_to_simulate():
    with pytest.raises(
        ValueError, match="at most 24 input bits and 31 output bits, got mul13u_array"
    ):
        simulate(array_multiplier(signed=False, width=13))


def test_a_wrong_number_of_inputs():
    with pytest.raises(ValueError, match="'inputs' must be 4 bits, got 3"):
        evaluate(array_multiplier(signed=False, width=2), [np.zeros(1, dtype=np.uint64)] * 3)
