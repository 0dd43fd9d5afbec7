"""What is wrong with a Verilog file is said with file and line, and never as another exception."""

from pathlib import Path

import pytest

from multipliers import NetlistError, demo_netlist, parse_verilog, read_verilog

HEADER = "module m(input [1:0] a, input [1:0] w, output [1:0] y);\n"
HELPER = "\nmodule part(input [1:0] p, output q);\nassign q = p[0];\nendmodule\n"

# The statement under test is line 2.
REFUSED = {
    "reg p; always @* p = a[0];": "'always' is not supported",
    "/* a comment */ initial $display;": "'initial' is not supported",
    "always_comb begin end": "'always_comb' is not supported",
    "assign y = a * w;": r"operator '\*' is not supported",
    "assign y = a - w;": "operator '-' is not supported",
    "assign y = -a;": "operator '-' is not supported",
    "assign y = a << w;": "operator '<<' is not supported",
    "assign y = a == w;": "operator '==' is not supported",
    "assign y = a && w;": "operator '&&' is not supported",
    "assign y = &a;": "operator 'reduction &' is not supported",
    "assign y = a[w];": "a select by a signal is not supported",
    "assign y = 2'b1x;": "the value .* is not supported",
    "assign y = 'z;": "the value .* is not supported",
    "assign y = $random;": "a function call is not supported",
    "assign y = u.p; part u(a,);": "a hierarchical name is not supported",
    "and g(y[0], a[0], w[0]);": "a gate primitive is not supported",
    "generate if (1) assign y = a; endgenerate": "a generate block is not supported",
    "genvar i; for (i = 0; i < 2; i = i + 1) begin : b end": "a generate block is not supported",
    "INVX1 u [1:0] (.A(a), .Y(y));": "an array of instances is not supported",
    "function f(input p); f = p; endfunction": "a function or task is not supported",
    "specify endspecify": "a specify block is not supported",
    "alias y = a;": "an alias of nets is not supported",
    "part u(a,); defparam u.N = 1;": "'defparam' is not supported",
    "wand p;": "wand net 'p' is not supported",
    "supply1 p;": "supply1 net 'p' is not supported",
    "wire p [1:0];": "'p', which is no vector of bits, is not supported",
    "logic p = 1;": "variable 'p' with an initial value is not supported",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_refused_construct(statement):
    helper = HELPER.replace("module part", "module part #(parameter N = 0)")
    text = f"{HEADER}{statement}\nendmodule{helper}"
    with pytest.raises(NetlistError, match=f"^bad.v:2: {REFUSED[statement]}") as caught:
        parse_verilog(text, top="m", file="bad.v")
    assert (caught.value.file, caught.value.line) == ("bad.v", 2)


MISTAKES = {
    # net structure
    "assign y = a; assign y[1] = w[0];": r"net 'y\[1\]' has several drivers, the first in line 2",
    "wire [8000000:0] p; assign y = a;": "2: 'p' must have at most 65536 bits, got 8000001",
    "wire [99999:0][99:0] p; assign y = a;": "2: 'p' must have at most 65536 bits, got 10000000",
    "assign y = {8000000{a}};": "2: a word must have at most 65536 bits, got 16000000",
    "assign y = a;\npart u(.p(w), .q(y[0]));": r"3: net 'y\[0\]' has several drivers, .* line 2",
    "assign a[0] = w[0]; assign y = a;": r"net 'a\[0\]' has several drivers, .* an input port",
    "part2 u(a, y[0]); assign y[1] = a[1];": r"net 'u.p\[1\]' has several drivers",
    "wire p; assign y = {a[0], p & w[0]};": r"net 'p' has no driver, but 'y\[0\]' depends on it",
    "wire p; part u({a[0], p}, y[0]); assign y[1] = 0;": "net 'p' has no driver, but 'u.p",
    "part u(.p(), .q(y[0])); assign y[1] = 0;": r"2: net 'u.p\[0\]' has no driver, but 'u.q'",
    "wire p; assign p = ~p; assign y = p;": r"2: combinational cycle: p -> p$",
    # pins and cells
    "FOO3X1 u(.A(a[0]), .Y(y));": "2: unknown module 'FOO3X1'; neither .* cells.v defines it: add",
    "part u(.p(a), .r(y[0]));": "2: port 'r' does not exist in 'part'",
    "part u(a, y[0], w);": "2: too many port connections",
    "part u(.p(a[0]), .q(y[0]));": "2: .* port connection expands from 1 to 2 bits",
    "part u(.p({a, w}), .q(y[0]));": "2: .* port connection truncates from 4 to 2 bits",
    "part u(.p(a), .q(y));": "2: .* port connection .* 1 .* 2 bits",
    # names, syntax and ranges
    "assign y = b;": "2: use of undeclared identifier 'b'",
    "assign y[2] = a[0];": r"2: cannot refer to element 2 of 'logic\[1:0\]'",
    "assign y = a[2:1];": r"2: cannot select range of \[2:1\]",
    "assign y = a[0:1];": r"2: range of selection \[0:1\] .* is reversed",
    "assign y = a[0+:3];": r"2: cannot select range of \[2:0\]",
    "wire p; wire [1:0] p;": "2: redefinition of 'p' with a different type",
    "assign y = a &;": "2: expected expression",
    "assign y = a\nwire p;": "2: expected ';'",
    '`include "other.v"': "2: other files are not included",
    "`unknown_macro": "2: unknown macro",
    "m u(a, w, y);": "infinitely recursive instantiation",
}


@pytest.mark.parametrize("statement", MISTAKES)
def test_mistake(statement):
    second = (
        "module part2(input [1:0] p, output q);\nassign q = p[0]; assign p[1] = p[0];\nendmodule"
    )
    with pytest.raises(NetlistError, match=rf"^bad.v:\d+: |{MISTAKES[statement]}") as caught:
        parse_verilog(f"{HEADER}{statement}\nendmodule{HELPER}{second}", top="m", file="bad.v")
    caught.match(MISTAKES[statement])
    assert caught.value.line is not None


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("module m(inout a);", "1: inout port 'a' is not supported"),
        ("module m({a, b}); input a, b;", "1: port '', which is not one wire, is not supported"),
        ("module m(input real a);", "1: 'a', which is no vector of bits, is not supported"),
    ],
)
def test_refused_ports(header, message):
    with pytest.raises(NetlistError, match=message):
        parse_verilog(f"{header} endmodule", file="bad.v")


TWO = "module p(input a, output y); assign y = a; endmodule\n"


@pytest.mark.parametrize(
    ("text", "top", "message"),
    [
        ("", None, "^bad.v: the file is empty$"),
        (" \n\t\n", None, "^bad.v: the file is empty$"),
        ("// only a comment\n", None, "^bad.v: the file defines no module that could be the top"),
        (TWO + TWO.replace("p(", "q("), None, "^bad.v: several modules may be the top: 'p', 'q'; "),
        (TWO, "q", "^bad.v: there is no module 'q'; the file has 'p'$"),
        (TWO + TWO, None, "^bad.v:2: duplicate definition of 'p'"),
        ("garbage\n", None, "^bad.v:1: "),
        ("module m(input a, output y); assign y = " + "(a & " * 5000, None, "too deeply nested"),
        (f"module m(input a, output y); assign y = {'(a^~(a&' * 200}a{'))' * 200}; endmodule", None,
         "^bad.v: an expression is nested too deeply"),
    ],
)  # fmt: skip
def test_bad_file(text, top, message):
    with pytest.raises(NetlistError, match=message):
        parse_verilog(text, top=top, file="bad.v")


@pytest.mark.bad_input("wide-words")
def test_enormous_ports():
    with pytest.raises(NetlistError, match="1: 'a' must have at most 65536 bits, got 8000001"):
        parse_verilog("module m(input [8000000:0] a, output y); assign y = a[0]; endmodule")


def test_the_error_of_the_reading_that_got_further():
    """`bit` is no mistake in plain Verilog, so that the mistake is that of the last line."""
    text = "module m(input a, output y);\nwire bit;\nassign bit = a;\nassign y = bit\nendmodule"
    with pytest.raises(NetlistError, match=r"^text:4: expected ';'"):
        parse_verilog(text)


@pytest.mark.bad_input("hierarchy")
def test_exponential_hierarchy_is_refused():
    text = "module l0(input a, output y); assign y = a; endmodule\n"
    for level in range(1, 30):
        pair = f"wire n; l{level - 1} u(a, n), v(n, y);"
        text += f"module l{level}(input a, output y); {pair} endmodule\n"
    with pytest.raises(NetlistError, match="the file has more than 16384 instances"):
        parse_verilog(text)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "m.v"
    path.write_bytes(b"// one\n// caf\xe9\n" + demo_netlist().read_bytes())
    with pytest.raises(NetlistError, match=r"m\.v:2: byte 0xe9 is not UTF-8 text"):
        read_verilog(path)


def test_binary_file(tmp_path):
    path = tmp_path / "m.v"
    path.write_bytes(bytes(range(128)) * 4)
    with pytest.raises(NetlistError, match=r"m\.v:1: "):
        read_verilog(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.v"):
        read_verilog(tmp_path / "absent.v")


def test_truncated_anywhere(tmp_path):
    text = demo_netlist().read_text()
    end = text.rindex("endmodule")
    path = tmp_path / "mul8s_bam_h0_v8.v"
    for length in range(0, end + 9, 97):
        path.write_text(text[:length])
        with pytest.raises(NetlistError, match=r"mul8s_bam_h0_v8\.v:"):
            read_verilog(path)


@pytest.mark.parametrize("relative", [True, False])
def test_the_path_is_shown_as_it_was_given(tmp_path, monkeypatch, relative):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    (tmp_path / "m.v").write_text(
        "module m(input a, output reg y);\n  always @* y = a;\nendmodule\n"
    )
    path = Path("..", "m.v") if relative else tmp_path / "m.v"
    with pytest.raises(NetlistError) as caught:
        read_verilog(path)
    assert str(caught.value).startswith(f"{path}:2: 'always' ")
    assert (caught.value.file, caught.value.line) == (str(path), 2)
