"""Cells in BLIF that the file does not define: Yosys's own, those of a library, and words."""

import shutil
import subprocess
from itertools import product

import numpy as np
import pytest

from multipliers import NetlistError, parse_blif, read_blif, simulate
from tests.components import needs

# Yosys manual, appendix "Internal cell library", gate-level cells.
CELLS = {
    "$_BUF_": ("A", lambda a: a),
    "$_NOT_": ("A", lambda a: not a),
    "$_AND_": ("AB", lambda a, b: a and b),
    "$_NAND_": ("AB", lambda a, b: not (a and b)),
    "$_OR_": ("AB", lambda a, b: a or b),
    "$_NOR_": ("AB", lambda a, b: not (a or b)),
    "$_XOR_": ("AB", lambda a, b: a != b),
    "$_XNOR_": ("AB", lambda a, b: a == b),
    "$_ANDNOT_": ("AB", lambda a, b: a and not b),
    "$_ORNOT_": ("AB", lambda a, b: a or not b),
    "$_MUX_": ("ABS", lambda a, b, s: (a, b)[s]),
    "$_NMUX_": ("ABS", lambda a, b, s: not (a, b)[s]),
    "$_AOI3_": ("ABC", lambda a, b, c: not ((a and b) or c)),
    "$_OAI3_": ("ABC", lambda a, b, c: not ((a or b) and c)),
    "$_AOI4_": ("ABCD", lambda a, b, c, d: not ((a and b) or (c and d))),
    "$_OAI4_": ("ABCD", lambda a, b, c, d: not ((a or b) and (c or d))),
    "$_MUX4_": ("ABCDST", lambda *v: v[v[4] + 2 * v[5]]),
    "$_MUX8_": ("ABCDEFGHSTU", lambda *v: v[v[8] + 2 * v[9] + 4 * v[10]]),
    "AND2X1": ("AB", lambda a, b: a and b),
    "OAI21X1": ("ABC", lambda a, b, c: not ((a or b) and c)),
}


def instance(statement, cell, pins):
    """Return a model with one cell, whose first pin is port a, all others are port w."""
    nets = {pin: f"w[{bit - 1}]" if bit else "a" for bit, pin in enumerate(pins)}
    connected = " ".join(f"{pin}={net}" for pin, net in nets.items())
    inputs = " ".join([*nets.values(), *(["w[0]"] if len(pins) == 1 else [])])
    return f".model m\n.inputs {inputs}\n.outputs y\n{statement} {cell} {connected} Y=y\n.end\n"


@pytest.mark.parametrize("statement", [".subckt", ".gate"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(cell, statement):
    pins, function = CELLS[cell]
    table = simulate(parse_blif(instance(statement, cell, pins)))
    for first, *others in product((0, 1), repeat=len(pins)):
        code = sum(bit << place for place, bit in enumerate(others))
        assert table[first, code] == function(first, *others)


NAND = ".model NAND2_X1\n.inputs A1 A2\n.outputs ZN\n.names A1 A2 ZN\n11 0\n.end\n"
LATCH = ".model DFF_X1\n.inputs D CK\n.outputs Q\n.latch D Q re CK 2\n.end\n"
MAPPED = ".model m\n.inputs a w\n.outputs y\n.gate NAND2_X1 A1=a A2=w ZN=y\n.end\n"


def test_models_of_a_library_behind_the_netlist():
    """As `read_liberty` and `write_blif` make them of a cell library, flip-flops included."""
    assert simulate(parse_blif(MAPPED + NAND + LATCH)).tolist() == [[1, 1], [1, 0]]


def test_own_model_comes_before_the_library():
    own = ".model $_AND_\n.inputs A B\n.outputs Y\n.names A B Y\n00 1\n.end\n"
    text = instance(".subckt", "$_AND_", "AB")
    assert simulate(parse_blif(text)).tolist() == [[0, 0], [0, 1]]
    assert simulate(parse_blif(text + own)).tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MAPPED, r"^m\.blif:4: unknown model 'NAND2_X1'; neither .* the package's cells\.v .* add"),
        (instance(".subckt", "$mul", "AB"),
         r"^m\.blif:4: unknown model '\$mul'; a cell of Yosys for words .*: run 'synth' before"),
        (instance(".subckt", "$_AND_", "AX"), r"^m\.blif:4: port 'X' does not exist in '\$_AND_'"),
        (instance(".subckt", "$_AND_", "A"), r"^m\.blif:4: net '\$_AND_1\.B' has no driver"),
        (MAPPED.replace("NAND2_X1", "DFF_X1").replace("A1=a A2=w ZN=y", "D=a CK=w Q=y") + LATCH,
         r"^m\.blif:9: a latch is not supported"),
    ],
)  # fmt: skip
def test_mistake(text, message):
    with pytest.raises(NetlistError, match=message):
        parse_blif(text, file="m.blif")


@needs(shutil.which("yosys"), "needs Yosys (Debian package yosys)")
def test_netlist_that_yosys_wrote(tmp_path):
    """Yosys writes the same circuit as cells of its own, as `.names`, and on a cell library."""
    (tmp_path / "mul4u_part.v").write_text(
        "module mul4u_part(input [3:0] a, w, output [7:0] y); assign y = (a & 14) * w; endmodule"
    )
    (tmp_path / "cells.lib").write_text(LIBERTY)
    (tmp_path / "script.ys").write_text(
        "read_verilog mul4u_part.v\nsynth -flatten -top mul4u_part\nwrite_blif names.blif\n"
        "write_blif -icells cells.blif\nabc -g all\nwrite_blif -icells all_cells.blif\n"
        "dfflibmap -liberty cells.lib\nabc -liberty cells.lib\nread_liberty cells.lib\n"
        "write_blif library.blif\nwrite_blif -gates gates.blif\n"
    )
    command = ["yosys", "-q", "-s", "script.ys"]
    subprocess.run(command, cwd=tmp_path, check=True)
    expected = np.multiply.outer(np.arange(16) & 14, np.arange(16))
    for name in ("names", "cells", "all_cells", "library", "gates"):
        netlist = read_blif(tmp_path / f"{name}.blif", top="mul4u_part")
        assert np.array_equal(simulate(netlist), expected), name


LIBERTY = """library(cells) {
  cell(NAND2_X1) { area : 1; pin(A1) { direction : input; } pin(A2) { direction : input; }
    pin(ZN) { direction : output; function : "!(A1 & A2)"; } }
  cell(XOR2_X1) { area : 2; pin(A) { direction : input; } pin(B) { direction : input; }
    pin(Z) { direction : output; function : "(A ^ B)"; } }
  cell(INV_X1) { area : 1; pin(A) { direction : input; }
    pin(ZN) { direction : output; function : "!A"; } }
  cell(BUF_X1) { area : 1; pin(A) { direction : input; }
    pin(Z) { direction : output; function : "A"; } }
  cell(DFF_X1) { area : 4; ff(IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin(D) { direction : input; } pin(CK) { direction : input; clock : true; }
    pin(Q) { direction : output; function : "IQ"; } }
}
"""
