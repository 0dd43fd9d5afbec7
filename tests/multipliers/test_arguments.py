"""What is of another type than a public function takes is refused by the argument's name."""

import re

import numpy as np
import pytest

import htp
import multipliers
from multipliers import Multiplier, Port, get, get_netlist

DRUM = "drum4"
TABLE = np.zeros((256, 256), np.int32)
OF_MULTIPLIERS = {
    "characterise": multipliers.characterise,
    "error_distribution": multipliers.error_distribution,
    "error_profile": lambda multiplier: multipliers.error_profile(multiplier, "x"),
    "worst_cases": multipliers.worst_cases,
    "table_structure": multipliers.table_structure,
    "save": lambda multiplier: multipliers.save(multiplier, "table.npz"),
    "certify": lambda multiplier: htp.certify(htp.accurate_model(), multiplier),
}
OF_NETLISTS = {
    "simulate": multipliers.simulate,
    "netlist_function": multipliers.netlist_function,
    "circuit_cost": multipliers.circuit_cost,
    "toggle_energy": lambda netlist: multipliers.toggle_energy(netlist, [1], [2]),
    "from_netlist": Multiplier.from_netlist,
    "write_netlist": lambda netlist: multipliers.write_netlist(netlist, "netlist.blif"),
    "to_aiger": multipliers.to_aiger,
    "to_binary_aiger": multipliers.to_binary_aiger,
    "to_blif": multipliers.to_blif,
    "to_cgp": multipliers.to_cgp,
    "to_verilog": multipliers.to_verilog,
}
CIRCUITS = {
    "array": multipliers.array_multiplier,
    "broken": lambda **flag: multipliers.broken_array_multiplier(0, 3, **flag),
    "truncated columns": lambda **flag: multipliers.column_truncated_multiplier(2, **flag),
    "momeni": lambda **flag: multipliers.momeni_multiplier(4, **flag),
    "perforated": lambda **flag: multipliers.perforated_multiplier(1, 2, **flag),
    "tree": multipliers.tree_multiplier,
    "truncated": lambda **flag: multipliers.truncated_multiplier(1, **flag),
    "Port": lambda **flag: Port(8, **flag),
    "code_values": multipliers.code_values,
}
TEXTS = multipliers.parse_blif, multipliers.parse_cgp, multipliers.parse_verilog


@pytest.mark.bad_input("no-multiplier")
@pytest.mark.parametrize("value", [DRUM, None, TABLE, get_netlist("mul8s_bam_h0_v8")], ids=type)
@pytest.mark.parametrize("name", OF_MULTIPLIERS)
def test_what_is_no_multiplier(name, value) -> None:
    shown = repr(value) if value is None or isinstance(value, str) else type(value).__name__
    message = f"'multiplier' must be a Multiplier, got {shown}; get() makes one"
    with pytest.raises(TypeError, match=re.escape(message)):
        OF_MULTIPLIERS[name](value)


@pytest.mark.bad_input("no-multiplier")
@pytest.mark.parametrize("value", ["multiplier.v", None, get(DRUM)], ids=type)
@pytest.mark.parametrize("name", OF_NETLISTS)
def test_what_is_no_netlist(name, value, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = r"'netlist' must be a Netlist, got .+; read_netlist\(\) reads one"
    with pytest.raises(TypeError, match=message):
        OF_NETLISTS[name](value)
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input("no-flag")
@pytest.mark.parametrize("value", ["unsigned", None, 1, np.True_], ids=type)
@pytest.mark.parametrize("name", CIRCUITS)
def test_what_is_no_flag(name, value) -> None:
    with pytest.raises(TypeError, match="'signed' must be a bool, got "):
        CIRCUITS[name](signed=value)


@pytest.mark.bad_input("no-flag")
def test_signs_of_exact_products_are_flags() -> None:
    with pytest.raises(TypeError, match="'signed' must be a bool, got 'unsigned'"):
        multipliers.exact_products("unsigned", True)


@pytest.mark.bad_input("no-flag")
def test_a_correction_is_a_flag() -> None:
    with pytest.raises(TypeError, match="'corrected' must be a bool, got 'no'"):
        multipliers.column_truncated_multiplier(2, signed=True, corrected="no")


@pytest.mark.bad_input("no-text")
@pytest.mark.parametrize("parse", TEXTS)
def test_what_is_no_text(parse) -> None:
    with pytest.raises(TypeError, match="'text' must be a str, got bytes"):
        parse(b".model top")
    if parse is not multipliers.parse_cgp:
        with pytest.raises(TypeError, match="'top' must be a str or None, got 3"):
            parse("", top=3)


@pytest.mark.bad_input("no-text")
def test_what_is_no_content() -> None:
    with pytest.raises(TypeError, match="'content' must be a bytes, got 'aag 0 0 0 0 0'"):
        multipliers.parse_aiger("aag 0 0 0 0 0")


def test_widths_of_codes() -> None:
    for width in (0, 9):
        with pytest.raises(ValueError, match="'width' must be from 1 to 8"):
            multipliers.code_values(True, width=width)


def test_ports_and_samples_of_functions() -> None:
    port = Port(8, signed=True)
    product = np.multiply
    with pytest.raises(TypeError, match="'w_port' must be a Port, got 8"):
        multipliers.characterise_function(product, port, 8)
    with pytest.raises(TypeError, match=r"'samples' must be an int or None, got 2\.5"):
        multipliers.characterise_function(product, port, port, samples=2.5)
    with pytest.raises(TypeError, match="'x_port' must be a Port, got tuple"):
        htp.certify_function(htp.accurate_model(), product, (8, True), port)
    with pytest.raises(TypeError, match="'model' must be a Callable, got 'exact'"):
        htp.certify("exact", get(DRUM))
