"""Toggles of a stream against one evaluation of single bits per step."""

from itertools import pairwise

import numpy as np
import pytest

from multipliers import Netlist, NetlistBuilder, Op, array_multiplier, broken_array_multiplier
from multipliers.cost import CellTable, circuit_cost, toggle_energy


def naive_toggles(netlist, x_stream, w_stream):
    toggles = [0] * netlist.gate_count
    before = None
    x_port, w_port = netlist.inputs
    for x, w in zip(x_stream, w_stream, strict=True):
        nets = [0, 1]
        nets += [x >> k & 1 for k in range(x_port.width)]
        nets += [w >> k & 1 for k in range(w_port.width)]
        for op, fan_in in zip(map(Op, netlist.op.tolist()), netlist.fan_in.tolist(), strict=True):
            nets.append(op(*(nets[net] for net in fan_in[: op.arity])))
        now = nets[netlist.first_gate :]
        if before is not None:
            toggles = [n + (a != b) for n, a, b in zip(toggles, before, now, strict=True)]
        before = now
    return toggles


@pytest.mark.parametrize("steps", [2, 63, 64, 65, 66, 128, 129, 500])
def test_against_single_steps(steps):
    netlist = broken_array_multiplier(1, 3, signed=True, width=5)
    x, w = np.random.default_rng(steps).integers(-16, 16, size=(2, steps))
    found = toggle_energy(netlist, x, w)
    expected = naive_toggles(netlist, x.tolist(), w.tolist())
    assert found.toggles.tolist() == expected
    assert found.multiplications == steps
    assert found.toggles_per_multiplication == pytest.approx(sum(expected) / (steps - 1))


def test_energy_weighs_toggles_by_cell():
    netlist = array_multiplier(signed=False, width=4)
    x, w = np.random.default_rng(1).integers(0, 16, size=(2, 300))
    energy = {op.name: 0.5 + int(op) for op in Op}
    found = toggle_energy(netlist, x, w, cells=CellTable("mine", energy, energy))
    toggles = naive_toggles(netlist, x.tolist(), w.tolist())
    expected = sum((0.5 + op) * n for op, n in zip(netlist.op.tolist(), toggles, strict=True))
    assert found.energy_per_multiplication == pytest.approx(expected / 299)
    assert found.cells == "mine"


def test_blocks_share_a_step():
    """A stream longer than a block toggles as often as its parts that overlap by one step."""
    netlist = array_multiplier(signed=False, width=3)
    steps = (1 << 17) + 70
    x, w = np.random.default_rng(2).integers(0, 8, size=(2, steps))
    cuts = [0, 50_000, (1 << 17) - 5, steps - 1]
    parts = [toggle_energy(netlist, x[a : b + 1], w[a : b + 1]).toggles for a, b in pairwise(cuts)]
    assert toggle_energy(netlist, x, w).toggles.tolist() == sum(parts).tolist()


def test_independent_uniform_operands_cost_the_relative_energy():
    netlist = array_multiplier(signed=True)
    expected = circuit_cost(netlist).energy_unit_gates
    x, w = np.random.default_rng(3).integers(-128, 128, size=(2, 200_000))
    assert toggle_energy(netlist, x, w).energy_per_multiplication == pytest.approx(
        expected, rel=0.005
    )
    stationary = toggle_energy(netlist, x, np.full_like(w, 5)).energy_per_multiplication
    assert stationary < 0.75 * expected


def test_codes_and_values_are_the_same_bits():
    netlist = array_multiplier(signed=True)
    x, w = np.random.default_rng(4).integers(-128, 128, size=(2, 400))
    values = toggle_energy(netlist, x, w)
    codes = toggle_energy(netlist, x.astype(np.uint8), (w & 255).astype(np.int16))
    assert values.toggles.tolist() == codes.toggles.tolist()


def test_dead_gates_do_not_count():
    netlist = array_multiplier(signed=False, width=2)
    op = np.append(netlist.op, np.uint8(Op.XOR))
    fan_in = np.vstack([netlist.fan_in, [[2, 3, 0]]])
    larger = Netlist("m", netlist.inputs, netlist.outputs, op, fan_in)
    streams = [0, 1, 2, 3, 0], [3, 3, 3, 3, 3]
    found = toggle_energy(larger, *streams)
    assert found.toggles[-1] == 0
    assert found.energy_per_multiplication == pytest.approx(
        toggle_energy(netlist, *streams).energy_per_multiplication
    )


@pytest.mark.parametrize(
    ("x", "w", "error", "message"),
    [
        ([1.0, 2.0], [1, 2], TypeError, r"'x_stream' must be integers \(steps,\), got float64"),
        ([1, 2], [[1, 2]], ValueError, r"'w_stream' must be one-dimensional, got int64 \(1, 2\)"),
        ([1, 2, 3], [1, 2], ValueError, "equally long, at least 2, got 3 and 2"),
        ([1], [1], ValueError, "equally long, at least 2, got 1 and 1"),
        ([1, 16], [1, 1], ValueError, r"fit the 4 bits of port 'A', -8\.\.15, got 1\.\.16"),
    ],
)
def test_refusals(x, w, error, message):
    with pytest.raises(error, match=message):
        toggle_energy(array_multiplier(signed=False, width=4), x, w)


def test_circuits_with_one_port():
    builder = NetlistBuilder("inverter")
    builder.output("y", [builder.gate(Op.INV, *builder.input("a", 1))])
    with pytest.raises(ValueError, match=r"two input ports, got inverter: a\[1\]"):
        toggle_energy(builder.build(), [0, 1], [0, 1])
