"""Data sheets: of tables, of gates that have one, and of wider gates."""

import numpy as np
import pytest

from analysis.characterisation.data_sheet import Conditions, data_sheet
from analysis.cosimulation.operand_stream import OperandStream
from analysis.cosimulation.stream_energy import operand_energy
from multipliers import (
    CellTable,
    Op,
    array_multiplier,
    broken_array_multiplier,
    characterise,
    characterise_function,
    circuit_cost,
    get,
    get_netlist,
    netlist_function,
    parse_verilog,
)

STREAM = OperandStream(*np.random.default_rng(0).integers(0, 256, (2, 500), dtype=np.uint8))


def test_gates_and_their_table_have_one_data_sheet():
    gates = get_netlist("mul8s_bam_h0_v8")
    of_gates = data_sheet(gates)
    of_table = data_sheet(get("mul8s_bam_h0_v8"), netlist=gates)
    assert of_gates.figures == of_table.figures == characterise(get("mul8s_bam_h0_v8"))
    assert of_gates.cost == of_table.cost == circuit_cost(gates)
    assert data_sheet(get("mul8s_bam_h0_v8")).cost is None


def test_a_stream_weighs_the_errors_and_gives_the_energy():
    gates = get_netlist("mul8u_bam_h0_v6")
    sheet = data_sheet(gates, conditions=Conditions(stream=STREAM))
    multiplier = get("mul8u_bam_h0_v6")
    errors = multiplier.error[STREAM.x_codes, STREAM.w_codes]
    assert sheet.figures.mae == pytest.approx(np.abs(errors).mean())
    assert sheet.figures.wce == np.abs(errors).max()
    assert sheet.energy_on_operands == operand_energy(gates, STREAM).energy_per_multiplication
    assert data_sheet(multiplier, conditions=Conditions(stream=STREAM)).energy_on_operands is None


def test_energy_of_a_stream_is_by_the_users_cells():
    cells = CellTable("mine", {op.name: 1.0 for op in Op}, {op.name: 7.0 for op in Op})
    conditions = Conditions(stream=STREAM, cells=cells)
    sheet = data_sheet(get_netlist("mul8u_array"), conditions=conditions)
    expected = operand_energy(get_netlist("mul8u_array"), STREAM, cells=cells)
    assert sheet.energy_on_operands == expected.energy_per_multiplication
    assert (sheet.cost.cells, sheet.cost.cell_area) == ("mine", 176)


def test_wide_gates_are_characterised_over_all_pairs():
    netlist = broken_array_multiplier(0, 6, signed=True, width=9)
    sheet = data_sheet(netlist)
    found = characterise_function(netlist_function(netlist), sheet.x_port, sheet.w_port)
    assert sheet.figures == found.figures
    assert sheet.standard_errors is None
    assert str(sheet.x_port) == "signed 9-bit (-256..255)"
    # Left out: a_i b_j with i + j < 6, at most 1 * 1 + 2 * 2 + ... + 6 * 32 together.
    assert 0 < sheet.figures.wce <= sum((k + 1) << k for k in range(6))


def test_wide_gates_on_a_sample_have_standard_errors():
    netlist = broken_array_multiplier(0, 8, signed=False, width=13)
    sheet = data_sheet(netlist, conditions=Conditions(samples=4000, seed=1))
    assert sheet.standard_errors.mae > 0
    exact = sum((k + 1) << k for k in range(8)) / 4  # each partial product is 1 in a quarter
    assert abs(sheet.figures.mae - exact) < 4 * sheet.standard_errors.mae
    again = data_sheet(netlist, conditions=Conditions(samples=4000, seed=1))
    assert again == sheet
    assert data_sheet(netlist, conditions=Conditions(samples=4000, seed=2)) != sheet


def test_mixed_widths():
    text = (
        "module m(input signed [2:0] a, input [9:0] b, output [12:0] z);"
        "assign z = {a, b} & {13{1'b0}}; endmodule"
    )
    sheet = data_sheet(parse_verilog(text))
    assert (sheet.x_port.signed, sheet.w_port.signed) == (True, False)
    assert sheet.figures.wce == 4 * 1023


@pytest.mark.parametrize(
    "conditions",
    [Conditions(stream=STREAM), Conditions(weights=np.ones((256, 256)))],
)
def test_operand_distributions_of_wide_gates(conditions):
    with pytest.raises(ValueError, match="are for ports of up to 8 bits, got mul9u_array"):
        data_sheet(array_multiplier(signed=False, width=9), conditions=conditions)


def test_wide_gates_that_are_no_multiplier():
    text = "module mul9u_m(input [8:0] a, b, output [3:0] z); assign z = a[3:0]; endmodule"
    with pytest.raises(NotImplementedError, match="one output as wide as both together, got mul9u"):
        data_sheet(parse_verilog(text))


def test_weights_and_stream():
    with pytest.raises(ValueError, match="'weights' and 'stream' both weigh the operands"):
        Conditions(weights=np.ones((256, 256)), stream=STREAM)
