"""Every construct of structural Verilog that netlists in the wild use, against plain Python."""

import numpy as np
import pytest

from multipliers import Op, exact_products, parse_verilog, read_verilog, simulate

# ruff: noqa: ARG005

# Each circuit has two operands a and w of two or three bits and one output; the expected output
# is a function of their codes.
CONSTRUCTS = {
    "non-ansi ports, named in the header": (
        "module m(a, w, y); input [1:0] a; input [1:0] w; output [1:0] y;"
        "assign y = a & w; endmodule",
        lambda a, w: a & w,
    ),
    "ports declared in one list, then again as wires": (
        "module m(a, w, y); input [1:0] a, w; output [1:0] y; wire [1:0] a; wire [1:0] y;"
        "assign y = a | w; endmodule",
        lambda a, w: a | w,
    ),
    "output logic": (
        "module m(input logic [1:0] a, w, output logic [1:0] y); assign y = a ^ w; endmodule",
        lambda a, w: a ^ w,
    ),
    "one-bit ports": (
        "module m(input a, input w, output y); assign y = a & !w; endmodule",
        lambda a, w: a & (1 - w),
    ),
    "one wide bus and selects with a space": (
        "module m(input [1:0] a, w, output [1:0] y); wire [2031:0] N; assign N [7] = a [1];"
        "assign N[2000] = w[0]; assign y = {N[2000], N [7]}; endmodule",
        lambda a, w: 2 * (w & 1) + (a >> 1),
    ),
    "comma list of wires": (
        "module m(input [1:0] a, w, output [1:0] y); wire p, q; assign p = a[0], q = w[1];"
        "assign y[0] = p, y[1] = q; endmodule",
        lambda a, w: (a & 1) + (w & 2),
    ),
    "wires used above their declaration": (
        "module m(input [1:0] a, w, output y); assign y = ~p[1]; INVX1 u(.A(q), .Y(p[1]));"
        "wire [1:0] p; wire q; assign q = a[0] & w[0]; endmodule",
        lambda a, w: a & w & 1,
    ),
    "implicit wires of assignments": (
        "module m(input [1:0] a, w, output y); assign p = a[0] & w[1]; assign y = ~p; endmodule",
        lambda a, w: 1 - (a & w >> 1 & 1),
    ),
    "wires named like keywords of SystemVerilog": (
        "module m(a, do, y); input [1:0] a, do; output y; wire bit, logic, int; assign bit = a[0];"
        "assign logic = bit & do[1]; assign int = logic; assign y = int; endmodule",
        lambda a, w: a & w >> 1 & 1,
    ),
    "escaped identifiers": (
        "module m(input [1:0] \\a+b , w, output y); wire \\n[3] ; assign \\n[3] = \\a+b [1];"
        "assign y = \\n[3] & w[0]; endmodule",
        lambda a, w: a >> 1 & w & 1,
    ),
    "wires used above their assignment": (
        "module m(input [1:0] a, w, output y); wire p, q; assign y = ~p; assign p = q ^ w[0];"
        "assign q = a[0]; endmodule",
        lambda a, w: 1 - ((a ^ w) & 1),
    ),
    "initialised wires": (
        "module m(input [1:0] a, w, output [1:0] y); wire [1:0] p = a ^ w, q = ~p; assign y = q;"
        "endmodule",
        lambda a, w: ~(a ^ w) & 3,
    ),
    "exclusive nor in both spellings": (
        "module m(input [1:0] a, w, output [3:0] y); assign y = {a ~^ w, a ^~ w}; endmodule",
        lambda a, w: 5 * (~(a ^ w) & 3),
    ),
    "inverted gates": (
        "module m(input [1:0] a, w, output [5:0] y);"
        "assign y = {~(a & w), ~(a | w), ~(a ^ w)}; endmodule",
        lambda a, w: (~(a & w) & 3) << 4 | (~(a | w) & 3) << 2 | (~(a ^ w) & 3),
    ),
    "logical not of a word": (
        "module m(input [1:0] a, w, output [1:0] y); assign y = {!a, !(a & w)}; endmodule",
        lambda a, w: 2 * (a == 0) + (a & w == 0),
    ),
    "constants": (
        "module m(input [1:0] a, w, output [7:0] y);"
        "assign y = {1'b1, 1'b0, 2'd2, 4'hA}; endmodule",
        lambda a, w: 0b10101010,
    ),
    "fills and unsized constants": (
        "module m(input [1:0] a, w, output [3:0] y); wire [1:0] p; assign p = '1;"
        "wire [1:0] q = a | 1; assign y = {p, q}; endmodule",
        lambda a, w: 12 | a | 1,
    ),
    "constants wider than a machine word": (
        "module m(input [1:0] a, w, output [1:0] y);"
        "wire [99:0] k = 100'h8000000000000000000000001;"
        "assign y = {k[99], k[0] & a[0]}; endmodule",
        lambda a, w: 2 + (a & 1),
    ),
    "part selects, also indexed": (
        "module m(input [2:0] a, w, output [5:0] y);"
        "assign y = {a[2:1], w[0+:2], w[2-:2]}; endmodule",
        lambda a, w: (a >> 1) << 4 | (w & 3) << 2 | w >> 1,
    ),
    "part selects as targets": (
        "module m(input [2:0] a, w, output [5:0] y);"
        "assign y[5:3] = w; assign y[2:0] = a; endmodule",
        lambda a, w: w << 3 | a,
    ),
    "localparam bounds": (
        "module m(a, w, y); localparam N = 3; input [N-1:0] a, w; output [2*N-1:0] y;"
        "assign y[N-1:0] = a; assign y[2*N-1:N] = w; endmodule",
        lambda a, w: w << 3 | a,
    ),
    "parameters as values": (
        "module m(input [1:0] a, w, output [2:0] y); localparam [2:0] K = 5;"
        "assign y = a + K; endmodule",
        lambda a, w: (a + 5) % 8,
    ),
    "ascending bounds": (
        "module m(input [0:2] a, input [0:2] w, output [0:3] y);"
        "assign y[1:3] = {a[0], w[0:1]}; assign y[0] = a[2]; endmodule",
        lambda a, w: (a & 1) << 3 | (a >> 2) << 2 | w >> 1,
    ),
    "bounds that do not end at 0": (
        "module m(input [8:7] a, w, output [3:2] y);"
        "assign y[2] = a[7]; assign y[3] = w[8]; endmodule",
        lambda a, w: (a & 1) + (w & 2),
    ),
    "vectors of vectors": (
        "module m(input [1:0] a, w, output [3:0] y); wire [1:0][1:0] p; assign p[0] = a;"
        "assign p[1] = w; assign y = {p[0], p[1][1], p[1][0]}; endmodule",
        lambda a, w: a << 2 | w,
    ),
    "replication": (
        "module m(input [1:0] a, w, output [3:0] y); assign y = {4{a[0]}} & {2{w}}; endmodule",
        lambda a, w: (a & 1) * 5 * w,
    ),
    "concatenation on both sides": (
        "module m(input [1:0] a, w, output [3:0] y); wire p, q; wire [1:0] r;"
        "assign {p, r, q} = {a, w}; assign y = {q, r, p}; endmodule",
        lambda a, w: (w & 1) << 3 | (a & 1) << 2 | (w >> 1) << 1 | a >> 1,
    ),
    "carry into a wider left side": (
        "module m(input [1:0] a, w, output [2:0] y); wire c; wire [1:0] s;"
        "assign {c, s} = {a[1], a[0]} + {w[1], w[0]}; assign y = {c, s}; endmodule",
        lambda a, w: a + w,
    ),
    "carry lost in a left side of the same width": (
        "module m(input [1:0] a, w, output [1:0] y); assign y = a + w; endmodule",
        lambda a, w: (a + w) % 4,
    ),
    "carry lost in a concatenation": (
        "module m(input [1:0] a, w, output [2:0] y); assign y = {a + w}; endmodule",
        lambda a, w: (a + w) % 4,
    ),
    "sum of three words": (
        "module m(input [1:0] a, w, output [3:0] y); assign y = a + w + {1'b1, w[0]}; endmodule",
        lambda a, w: a + w + 2 + (w & 1),
    ),
    "sum of sums inside brackets": (
        "module m(input [1:0] a, w, output [4:0] y); assign y = (a + w) + (a + 2'd3); endmodule",
        lambda a, w: 2 * a + w + 3,
    ),
    "shorter right side": (
        "module m(input [1:0] a, w, output [3:0] y); assign y = ~(a & w); endmodule",
        lambda a, w: 12 | (~(a & w) & 3),
    ),
    "sign extension": (
        "module m(input signed [1:0] a, input [1:0] w, output [3:0] y); assign y = a; endmodule",
        lambda a, w: a | (12 if a > 1 else 0),
    ),
    "mixed signs extend with zeros": (
        "module m(input signed [1:0] a, input [1:0] w, output [3:0] y);"
        "assign y = a + w; endmodule",
        lambda a, w: a + w,
    ),
    "named pins with expressions": (
        "module m(input [1:0] a, w, output y); wire c;"
        "HAX1 u (.A(a[0] ^ w[1]), .B(~(a[1] & w[0])), .YS(y), .YC()); endmodule",
        lambda a, w: (a & 1) ^ (w >> 1) ^ (1 - ((a >> 1) & w & 1)),
    ),
    "positional pins": (
        "module m(input [1:0] a, w, output y); AND2X1 u(a[0], w[1], y); endmodule",
        lambda a, w: a & 1 & w >> 1,
    ),
    "output pins on concatenations": (
        "module m(input [1:0] a, w, output [2:0] y);"
        "sum u(.p(a), .q(w), .s({y[0], y[2:1]})); endmodule"
        " module sum(input [1:0] p, q, output [2:0] s); assign s = p + q; endmodule",
        lambda a, w: (a + w) >> 2 | ((a + w) & 3) << 1,
    ),
    "implicit wires": (
        "module m(input [1:0] a, w, output y); AND2X1 u(.A(a[0]), .B(w[0]), .Y(n1));"
        "INVX1 v(.A(n1), .Y(y)); endmodule",
        lambda a, w: 1 - (a & w & 1),
    ),
    "unconnected output and unread, unconnected input": (
        "module m(input [1:0] a, w, output y); part u(.p(a[0]), .c(), .s(y), .q()); endmodule "
        "module part(input p, q, output s, c); assign s = p; assign c = q; endmodule",
        lambda a, w: a & 1,
    ),
    "floating wires that nothing needs": (
        "module m(input [1:0] a, w, output y); wire p, q; assign q = p & a[0]; assign y = w[0];"
        "endmodule",
        lambda a, w: w & 1,
    ),
    "several levels, helpers behind the top, parameters": (
        "module m(input [1:0] a, w, output [3:0] y);"
        "level #(.N(2)) u(a, w, y[1:0], y[3:2]); endmodule "
        "module level #(parameter N = 1)(input [N-1:0] p, q, output [N-1:0] r, s);"
        "leaf #(N) u(p, q, r), v(q, p, s); endmodule "
        "module leaf #(parameter N = 1)(input [N-1:0] p, q, output [N-1:0] r);"
        "assign r = p & ~q; endmodule",
        lambda a, w: (a & ~w) | (w & ~a) << 2,
    ),
    "comments, time scale and default net type": (
        "`timescale 1ns/1ps\n`default_nettype none\n// one\n/* two\n lines */ module m(input wire "
        "[1:0] a, w, output wire y); /* module x; */ INVX1 u(.A(a[0]), .Y(y)); // y\nendmodule",
        lambda a, w: 1 - (a & 1),
    ),
    "some modules with a time scale": (
        "module leaf(input p, output q); assign q = ~p; endmodule\n`timescale 1ns/1ps\n"
        "module m(input [1:0] a, w, output y); leaf u(a[1], y); endmodule",
        lambda a, w: 1 - (a >> 1),
    ),
    "a cell that the file defines differently": (
        "module m(input [1:0] a, w, output y); AND2X1 u(.A(a[0]), .B(w[0]), .Y(y)); endmodule "
        "module AND2X1(input A, B, output Y); assign Y = A | B; endmodule",
        lambda a, w: (a | w) & 1,
    ),
    "delays": (
        "module m(input [1:0] a, w, output y); assign #3 y = a[0] & w[0]; endmodule",
        lambda a, w: a & w & 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct(name):
    text, function = CONSTRUCTS[name]
    netlist = parse_verilog(text, top="m")
    x, w = netlist.inputs
    expected = [[function(a, b) for b in range(1 << w.width)] for a in range(1 << x.width)]
    assert simulate(netlist).tolist() == expected


CELLS = {
    "INVX1": ("A", lambda a: {"Y": not a}),
    "BUFX2": ("A", lambda a: {"Y": a}),
    "AND2X1": ("AB", lambda a, b: {"Y": a and b}),
    "OR2X1": ("AB", lambda a, b: {"Y": a or b}),
    "NAND2X1": ("AB", lambda a, b: {"Y": not (a and b)}),
    "NOR2X1": ("AB", lambda a, b: {"Y": not (a or b)}),
    "NAND3X1": ("ABC", lambda a, b, c: {"Y": not (a and b and c)}),
    "NOR3X1": ("ABC", lambda a, b, c: {"Y": not (a or b or c)}),
    "XOR2X1": ("AB", lambda a, b: {"Y": a != b}),
    "XNOR2X1": ("AB", lambda a, b: {"Y": a == b}),
    "OAI21X1": ("ABC", lambda a, b, c: {"Y": not ((a or b) and c)}),
    "AOI21X1": ("ABC", lambda a, b, c: {"Y": not ((a and b) or c)}),
    "MUX2X1": ("ABS", lambda a, b, s: {"Y": b if s else a}),
    "HAX1": ("AB", lambda a, b: {"YS": a != b, "YC": a and b}),
    "NPDKGEPDKGENNAND2X1": ("AB", lambda a, b: {"Y": not (a and b)}),
    "XPDKGENOR2X1": ("AB", lambda a, b: {"Y": a != b}),
    "XNPDKGENOR2X1": ("AB", lambda a, b: {"Y": a == b}),
    "FAX1": ("ABC", lambda a, b, c: {"YS": (a + b + c) % 2, "YC": a + b + c > 1}),
}


@pytest.mark.parametrize("cell", CELLS)
def test_library_cell(cell):
    inputs, function = CELLS[cell]
    outputs = list(function(*[0] * len(inputs)))
    pins = [f".{pin}(i[{k}])" for k, pin in enumerate(inputs)]
    pins += [f".{pin}(y[{k}])" for k, pin in enumerate(outputs)]
    netlist = parse_verilog(
        f"module m(input [{len(inputs) - 1}:0] i, input z, output [{len(outputs) - 1}:0] y);"
        f"{cell} u({', '.join(pins)}); endmodule"
    )
    for code in range(1 << len(inputs)):
        values = function(*(code >> k & 1 for k in range(len(inputs))))
        expected = sum(bool(values[pin]) << k for k, pin in enumerate(outputs))
        assert simulate(netlist)[code, 0] == expected


@pytest.mark.parametrize(
    ("cell", "pins", "ops"),
    [
        ("FAX1", "a, b, c, y, z", [Op.XOR3, Op.MAJ]),
        ("HAX1", "a, b, y, z", [Op.XOR, Op.AND]),
        ("MUX2X1", "a, b, c, y", [Op.MUX]),
        ("NAND2X1", "a, b, y", [Op.NAND]),
        ("AOI21X1", "a, b, c, y", [Op.AND, Op.NOR]),
        ("BUFX2", "a, y", []),
    ],
)
def test_gates_of_a_cell(cell, pins, ops):
    header = "module m(input a, input b, input c, output y, output z);"
    constant = "" if "z" in pins else "assign z = 1'b0;"
    netlist = parse_verilog(f"{header} {cell} u({pins}); {constant} endmodule")
    assert netlist.op.tolist() == ops


def test_full_adders_of_a_library_multiply():
    """A 2x2 multiplier of cells, port names in lower case and an output named Z."""
    netlist = parse_verilog("""
        module mul2u_cells(a, b, Z);
          input [1:0] a; input [1:0] b; output [3:0] Z;
          wire p01, p10, p11, carry;
          AND2X1 u0 (.A(a[0]), .B(b[0]), .Y(Z[0]));
          AND2X1 u1 (.A(a[0]), .B(b[1]), .Y(p01));
          HAX1 u2 (.A(a[1] & b[0]), .B(p01), .YS(Z[1]), .YC(carry));
          FAX1 u3 (.A(a[1] & b[1]), .B(carry), .C(1'b0), .YS(Z[2]), .YC(Z[3]));
        endmodule
    """)
    assert np.array_equal(simulate(netlist), np.outer(range(4), range(4)))


TWO_TOPS = """
module other(input a, output y); assign y = a; endmodule
module mine(input a, output y); helper u(a, y); endmodule
module helper(input a, output y); assign y = ~a; endmodule
"""


def test_top_by_argument():
    assert parse_verilog(TWO_TOPS, top="other").name == "other"
    assert parse_verilog(TWO_TOPS, top="helper").name == "helper"


def test_top_by_file_name(tmp_path):
    (tmp_path / "mine.v").write_text(TWO_TOPS)
    netlist = read_verilog(tmp_path / "mine.v")
    assert (netlist.name, netlist.source) == ("mine", str(tmp_path / "mine.v"))


def test_reading_twice_gives_the_same_netlist():
    assert parse_verilog(TWO_TOPS, top="mine") == parse_verilog(TWO_TOPS, top="mine")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends(tmp_path, ending):
    text = "module m(input a, output y);\n// é\nassign y = a;\nendmodule\n"
    path = tmp_path / "m.v"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", ending).encode())
    assert read_verilog(path).name == "m"


def test_long_chains_need_no_recursion():
    text = f"module m(input a, output y); assign y = {' ^ '.join('a' * 3001)}; endmodule"
    netlist = parse_verilog(text)
    assert netlist.gate_count == 3000


def test_word_level_multiplier():
    """Shifted partial products added in one expression: widths, replication and sums together."""
    rows = " + ".join(f"{{{8 - k}'b0, A & {{8{{B[{k}]}}}}, {{{k}{{1'b0}}}}}}" for k in range(1, 8))
    text = f"""
        module mul8u_words(input [7:0] A, input [7:0] B, output [15:0] O);
          assign O = {{8'b0, A & {{8{{B[0]}}}}}} + {rows};
        endmodule
    """
    assert np.array_equal(simulate(parse_verilog(text)), exact_products(False, False))
