"""Cell tables: what a CSV file may hold, and which gates make which cell."""

import numpy as np
import pytest

from multipliers import NetlistBuilder, Op, array_multiplier
from multipliers.cost import UNIT_GATES, CellTable, circuit_cost, read_cells
from multipliers.cost.mapping import gate_costs


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "cells.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_read(write):
    table = read_cells(write("Cell, Area ,energy\nAND,1.5,2\n\n  FA , 4e0,0.25\n"))
    assert table == CellTable("cells.csv", {"AND": 1.5, "FA": 4.0}, {"AND": 2.0, "FA": 0.25})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"cells\.csv:1: the first line must be cell,area,energy, got \[\]"),
        ("cell,area\nAND,1\n", r"csv:1: the first line must be"),
        ("cell,area,energy\nAND2,1,1\n", r"csv:2: 'cell' must be one of BUF, .*, HA, got 'AND2'"),
        ("cell,area,energy\nAND,1\n", r"csv:2: not enough values"),
        ("cell,area,energy\nAND,1,x\n", r"csv:2: could not convert string to float: 'x'"),
        ("cell,area,energy\nAND,1,2\nAND,1,2\n", r"csv:3: AND has a line already"),
        ("cell,area,energy\nAND,-1,2\n", r"csv:2: 'area of AND' must be .* at least 0, got -1\.0"),
        ("cell,area,energy\nAND,1,nan\n", r"csv:2: 'energy of AND' must be .* at least 0, got nan"),
        (b"cell,area,energy\n\xff\xfe", r"cells\.csv:2: byte 0xff is not UTF-8 text"),
        (b"cell,area,energy\n" + b"A" * (1 << 18), r"cells\.csv: not a CSV file: field larger"),
    ],
)
def test_refused_files(write, text, message):
    with pytest.raises(ValueError, match=message):
        read_cells(write(text))


@pytest.mark.bad_input("endless-file")
def test_an_endless_file():
    with pytest.raises(ValueError, match="/dev/zero: the file must have at most 16777216 bytes"):
        read_cells("/dev/zero")


def test_area_and_energy_name_the_same_cells():
    with pytest.raises(ValueError, match="must name the same cells, differ in INV, OR"):
        CellTable("t", {"AND": 1, "OR": 1}, {"AND": 1, "INV": 1})


def gates_of(netlist, cells):
    return gate_costs(netlist, cells).area.tolist()


def test_full_adders_are_pairs():
    """Two sums and one carry of the same nets in any order: one full adder and a single XOR3."""
    builder = NetlistBuilder("m")
    a, b, c = builder.input("a", 3)
    first, second = builder.gate(Op.XOR3, a, b, c), builder.gate(Op.XOR3, c, a, b)
    carry, other = builder.gate(Op.MAJ, b, c, a), builder.gate(Op.MAJ, a, b, first)
    builder.output("y", [first, second, carry, other])
    assert gates_of(builder.build(), UNIT_GATES) == [3.5, 4, 3.5, 4]


def test_half_adders_only_where_the_table_has_them():
    builder = NetlistBuilder("m")
    builder.output("y", builder.half_adder(*builder.input("a", 2)))
    netlist = builder.build()
    assert gates_of(netlist, UNIT_GATES) == [2, 1]
    area = {"XOR": 2.0, "AND": 1.0}
    assert gates_of(netlist, CellTable("t", area, area)) == [2, 1]
    area["HA"] = 2.5
    assert gates_of(netlist, CellTable("t", area, area)) == [1.25, 1.25]


def test_full_adders_need_no_entries_for_their_gates():
    area = {"AND": 1.0, "FA": 5.0, "HA": 3.0}
    found = circuit_cost(array_multiplier(signed=False), cells=CellTable("t", area, area))
    assert found.cell_area == 64 * 1 + 48 * 5 + 8 * 3
    del area["FA"]
    with pytest.raises(LookupError, match="cell table 't' has no MAJ, XOR3, of which 'mul8u_arr"):
        circuit_cost(array_multiplier(signed=False), cells=CellTable("t", area, area))


def test_energy_of_a_full_adder_is_that_of_both_outputs_changing():
    costs = gate_costs(array_multiplier(signed=True), UNIT_GATES)
    assert np.array_equal(costs.area, costs.energy)
