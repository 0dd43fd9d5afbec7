"""What is of another kind than streams of operands and their energy take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import NETLIST, STREAM, X

SETTINGS = [
    (lambda: analysis.operand_energy(NETLIST, "s"), "'stream' must be an OperandStream"),
    (lambda: analysis.operand_energy("n", STREAM), "'netlist' must be a Netlist, got 'n'"),
    (
        lambda: analysis.operand_energy(NETLIST, STREAM, cells="unit gates"),
        "'cells' must be a CellTable, got 'unit gates'",
    ),
    (lambda: analysis.OperandStream([1], [2]), "'x_codes' must be an ndarray, got list"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS)
@pytest.mark.bad_input("bad-settings")
def test_what_is_no_setting(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.bad_input("no-number")
def test_what_is_no_limit(given):
    with pytest.raises(TypeError, match="'limit' must be an int"):
        analysis.record_stream(given.model, "0.wrapped", [X], limit=9.5)
