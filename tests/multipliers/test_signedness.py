"""Signedness is stated or read from a name, never guessed."""

from pathlib import Path

import pytest

from multipliers import NetlistError, array_multiplier, load, parse_verilog, synthesise, to_verilog
from multipliers.signedness import resolve_signedness
from tests.components import needs_yosys


@pytest.mark.parametrize(
    ("signed", "names", "expected"),
    [
        (True, (), (True, True)),
        (False, ("mul8s_1KV8",), (False, False)),
        ((True, False), (), (True, False)),
        (None, ("mul8s_1KV8",), (True, True)),
        (None, ("mul8u_2AC",), (False, False)),
        (None, ("mul8x4u_077",), (False, False)),
        (None, ("top", "mul8s_1KV8"), (True, True)),
        (None, ("mul8s_1KV8", "mul8s_1KV8_v2"), (True, True)),
    ],
)
def test_resolved(signed, names, expected):
    assert resolve_signedness(signed, *names) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("u_dadda_cla",), "^'u_dadda_cla' does not state whether the operands are signed"),
        (("top", "m"), "^'top' and 'm' do not state .* pass signed=True"),
        (("mul8_013",), "^'mul8_013' does not state"),
        (("mul8u_1", "mul8s_1"), "^'mul8u_1' and 'mul8s_1' contradict each other about whether"),
    ],
)
def test_unresolved(names, message):
    with pytest.raises(ValueError, match=message):
        resolve_signedness(None, *names)


@pytest.mark.parametrize("signed", ["signed", 1, (True,), (1, 0), [True, False]])
def test_wrong_types(signed):
    with pytest.raises(TypeError, match="'signed' must be a bool, a pair of bools or None, got"):
        resolve_signedness(signed, "mul8s_1KV8")


@pytest.mark.parametrize(
    ("declared", "folder", "expected"),
    [
        ((True, False), None, (True, False)),
        (None, "lib/8x8_signed/pareto_pwr_mae", (True, True)),
        (None, "mul_8x4_unsigned", (False, False)),
        ((False, False), "8x8_unsigned", (False, False)),
    ],
)
def test_declarations_and_folders(declared, folder, expected):
    folder = folder and Path(folder)
    assert resolve_signedness(None, "mul8_013", declared=declared, folder=folder) == expected
    assert resolve_signedness((True, True), "m", declared=declared, folder=folder) == (True, True)


@pytest.mark.parametrize(
    ("declared", "folder", "message"),
    [
        ((True, False), None, "^'mul8s_1KV8' and the ports' declarations contradict each other"),
        (None, "8x8_unsigned", "^'mul8s_1KV8' and folder '8x8_unsigned' contradict each other"),
    ],
)
def test_contradicting_declarations_and_folders(declared, folder, message):
    with pytest.raises(ValueError, match=message):
        resolve_signedness(None, "mul8s_1KV8", declared=declared, folder=folder and Path(folder))


HEADER = (
    "module m(input {}[1:0] a, input {}[1:0] b, output [3:0] y); assign y = {{a, b}}; endmodule"
)


@pytest.mark.parametrize(
    ("a", "b", "declared"),
    [
        ("", "", None),
        ("signed ", "", (True, False)),
        ("", "signed ", (False, True)),
        ("signed ", "signed ", (True, True)),
    ],
)
def test_the_header_of_a_verilog_module(a, b, declared):
    netlist = parse_verilog(HEADER.format(a, b))
    assert netlist.declared_signs == declared
    assert parse_verilog(to_verilog(netlist)) == netlist


@needs_yosys
def test_yosys_keeps_the_declarations(tmp_path):
    path = tmp_path / "m.v"
    path.write_text(
        "module m(input signed [1:0] a, input [1:0] b, output reg signed [3:0] y);\n"
        "  always @* y = a * $signed({1'b0, b});\nendmodule\n"
    )
    assert synthesise(path).declared_signs == (True, False)
    multiplier = load(path, synthesise=True)
    assert multiplier.lut[:4, :4].tolist() == [[a * b for b in range(4)] for a in (0, 1, -2, -1)]


def test_a_file_in_the_folder_of_a_library(tmp_path):
    path = tmp_path / "8x8_unsigned" / "mul8_001.v"
    path.parent.mkdir()
    text = to_verilog(array_multiplier(signed=False)).replace("mul8u_array", "mul8_001")
    path.write_text(text)
    assert not load(path).x_port.signed
    path = tmp_path / "8x8_signed" / "mul8u_001.v"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(NetlistError, match="'mul8u_001' and folder '8x8_signed' contradict"):
        load(path)
