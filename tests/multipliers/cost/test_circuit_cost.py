"""Live gates, depth, activity and cost against evaluation of single bits in Python."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from multipliers import (
    Bus,
    Netlist,
    NetlistBuilder,
    Op,
    array_multiplier,
    broken_array_multiplier,
    tree_multiplier,
)
from multipliers.cost import (
    CellTable,
    circuit_cost,
    live_gates,
    logic_depth,
    signal_probabilities,
    toggle_probabilities,
    unit_gate_delay,
)

WEIGHTS = {
    Op.BUF: 0, Op.INV: 0.5, Op.AND: 1, Op.OR: 1, Op.XOR: 2, Op.NAND: 1, Op.NOR: 1, Op.XNOR: 2,
    Op.MUX: 3, Op.XOR3: 4, Op.MAJ: 4,
}  # fmt: skip


def every_gate_once():
    """All functions in a row, none of which shares a full adder, and two gates nobody reads."""
    builder = NetlistBuilder("m")
    (a, b), (c, d) = builder.input("a", 2), builder.input("b", 2)
    net = builder.gate(Op.MUX, a, b, c)
    for op in (Op.AND, Op.OR, Op.XOR, Op.NAND, Op.NOR, Op.XNOR):
        net = builder.gate(op, net, {Op.AND: a, Op.OR: b, Op.XOR: c}.get(op, d))
    net = builder.gate(Op.INV, builder.gate(Op.BUF, net))
    net = builder.gate(Op.XOR3, net, a, d)
    builder.output("y", [builder.gate(Op.MAJ, net, b, c), d])
    netlist = builder.build()
    dead = [[2, 3, 0], [netlist.net_count, 2, 0]]
    return Netlist(
        "m",
        netlist.inputs,
        netlist.outputs,
        np.append(netlist.op, [Op.AND, Op.OR]).astype(np.uint8),
        np.vstack([netlist.fan_in, dead]).astype(np.int32),
    )


def naive_ones(netlist):
    """How many input combinations make each gate's output one."""
    ones = [0] * netlist.gate_count
    for bits in itertools.product((0, 1), repeat=netlist.first_gate - 2):
        nets = [0, 1, *bits]
        for gate, (op, fan_in) in enumerate(zip(map(Op, netlist.op), netlist.fan_in, strict=True)):
            nets.append(op(*(nets[net] for net in fan_in[: op.arity])))
            ones[gate] += nets[-1]
    return ones


def test_live_gates():
    netlist = every_gate_once()
    assert live_gates(netlist).tolist() == [True] * (netlist.gate_count - 2) + [False] * 2


def test_an_unused_fan_in_field_keeps_nothing_alive():
    """The third field of a two-input gate is 0 by convention, but is not read."""
    netlist = Netlist(
        "m",
        (Bus("a", (2, 3)),),
        (Bus("y", (5,)),),
        np.array([Op.AND, Op.OR], dtype=np.uint8),
        np.array([[2, 3, 0], [2, 3, 4]], dtype=np.int32),
    )
    assert live_gates(netlist).tolist() == [False, True]


@pytest.mark.parametrize(
    "netlist", [every_gate_once(), broken_array_multiplier(1, 2, signed=True, width=4)], ids=str
)
def test_probabilities_against_single_evaluations(netlist):
    ones = np.array(naive_ones(netlist))
    probability = ones / 2 ** (netlist.first_gate - 2)
    assert np.array_equal(signal_probabilities(netlist), probability)
    expected = 2 * probability * (1 - probability)
    assert toggle_probabilities(netlist) == pytest.approx(expected, rel=1e-15)


def partial_products(netlist):
    """The gates that read one bit of each operand."""
    return np.flatnonzero(
        (netlist.op == Op.AND) & (netlist.fan_in < netlist.first_gate).all(axis=1)
    )


def test_probabilities_in_several_blocks():
    """20 input bits: bit i of A times bit j of B is one in a quarter of the cases."""
    netlist = array_multiplier(signed=False, width=10)
    assert set(signal_probabilities(netlist)[partial_products(netlist)]) == {0.25}


def test_probabilities_of_wide_circuits_are_sampled():
    netlist = array_multiplier(signed=False, width=13)
    products = partial_products(netlist)
    probability = signal_probabilities(netlist)[products]
    assert 0 < np.abs(probability - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / (1 << 20))
    assert np.array_equal(probability, signal_probabilities(netlist)[products])
    assert not np.array_equal(probability, signal_probabilities(netlist, seed=1)[products])
    assert circuit_cost(netlist).activity == "sampled"


def test_cost_of_every_gate():
    netlist = every_gate_once()
    live = netlist.gate_count - 2
    found = circuit_cost(netlist)
    weights = [WEIGHTS[Op(op)] for op in netlist.op[:live]]
    probability = [count / 16 for count in naive_ones(netlist)]
    assert found.live_gates == live - 1  # all but the buffer
    assert found.depth_gates == logic_depth(netlist) == live - 1
    assert found.delay_unit_gates == unit_gate_delay(netlist) == 2 + 8 + 0 + 0.5 + 4 + 3
    assert found.area_unit_gates == sum(weights)
    assert found.energy_unit_gates == pytest.approx(
        sum(w * 2 * p * (1 - p) for w, p in zip(weights, probability, strict=False))
    )
    assert found.activity == "exhaustive"


def test_a_tree_is_shallower_than_an_array():
    array, tree = (make(signed=False) for make in (array_multiplier, tree_multiplier))
    assert logic_depth(tree) < logic_depth(array)
    assert unit_gate_delay(tree) < unit_gate_delay(array)


def test_outputs_without_gates():
    builder = NetlistBuilder("wires")
    builder.output("y", [*builder.input("a", 1), *builder.input("b", 1), 0, 1])
    found = circuit_cost(builder.build())
    assert (found.live_gates, found.depth_gates, found.delay_unit_gates) == (0, 0, 0)
    assert (found.area_unit_gates, found.energy_unit_gates) == (0, 0)


def test_source_of_each_figure():
    netlist = array_multiplier(signed=False, width=4)
    area = dict.fromkeys((op.name for op in Op), 2.0)
    cells = CellTable("mine.csv", area, area)
    plain, mine = circuit_cost(netlist), circuit_cost(netlist, cells=cells)
    both = circuit_cost(netlist, cells=cells, published={"power_mw": 0.3, "delay_ns": None})
    library = SimpleNamespace(power_mw=0.3, area_um2=700.0, delay_ns=1.4)
    published = circuit_cost(netlist, published=library)
    assert [figure.source for figure in (plain.area, plain.power, plain.delay)] == [
        "unit gates"
    ] * 3
    assert (plain.area.value, plain.power.value) == (plain.area_unit_gates, plain.energy_unit_gates)
    assert (mine.area.source, mine.power.source) == ("mine.csv", "mine.csv")
    assert mine.area.value == 2 * mine.live_gates
    assert mine.area_unit_gates == plain.area_unit_gates
    assert str(both.power) == "0.3 mW (published)"
    assert (both.area.source, both.delay.source) == ("mine.csv", "unit gates")
    assert [str(published.area), str(published.power), str(published.delay)] == [
        "700 um2 (published)",
        "0.3 mW (published)",
        "1.4 ns (published)",
    ]
    with pytest.raises(LookupError, match=r"'published' may hold power_mw, .*, got PDK45_PWR"):
        circuit_cost(netlist, published={"PDK45_PWR": 0.3})
