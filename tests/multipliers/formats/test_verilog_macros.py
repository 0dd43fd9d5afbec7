"""Macros are expanded as long as the text stays short, and no other file is read."""

import time

import pytest

from multipliers.formats.verilog import parse_verilog, read_verilog
from multipliers.formats.verilog_macros import check_macros
from multipliers.netlists.netlist_error import NetlistError

MODULE = "module m(input a, output y); assign y = {}; endmodule\n"


def doubling(macros):
    lines = ["`define A0 a & a", *(f"`define A{n} `A{n - 1} & `A{n - 1}" for n in range(1, macros))]
    return "\n".join(lines) + "\n" + MODULE.format(f"`A{macros - 1}")


def test_ordinary_macros_are_expanded():
    text = "`define W 2\n`define TOP `W-1\nmodule m(input [`TOP:0] a, output [`TOP:0] y);\n"
    netlist = parse_verilog(text + "assign y = ~a; endmodule")
    assert [port.width for port in netlist.outputs] == [2]
    assert parse_verilog(doubling(4)).outputs


@pytest.mark.bad_input("macro-bomb")
def test_macros_that_double_each_other_are_refused():
    start = time.perf_counter()
    with pytest.raises(NetlistError, match=r"at most 16777216 characters once its macros are exp"):
        parse_verilog(doubling(60))
    assert time.perf_counter() - start < 2


@pytest.mark.bad_input("macro-bomb")
def test_a_long_macro_that_is_used_often_is_refused():
    text = f"`define LONG {'a &' * 10_000} a\n" + MODULE.format("`LONG & " * 1000 + "a")
    with pytest.raises(NetlistError, match="once its macros are expanded"):
        check_macros(text, "m.v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n`define TWICE(x) x & x\n", "m.v:2: macro 'TWICE' has arguments; expand it with a prep"),
        ("`define A `define B a\n", "m.v:1: macro 'A' makes names or macros"),
        ("`define A x``y\n", "m.v:1: macro 'A' makes names or macros"),
    ],
)
@pytest.mark.bad_input("macro-bomb")
def test_macros_whose_length_is_unknown_are_refused(text, message):
    with pytest.raises(NetlistError, match=message):
        check_macros(text, "m.v")


@pytest.mark.parametrize("name", ["/etc/passwd", "/dev/zero", "cells.v"])
@pytest.mark.bad_input("include")
def test_no_other_file_is_read(tmp_path, name):
    path = tmp_path / "mul8u.v"
    path.write_text(f'// a netlist\n`include "{name}"\n{MODULE.format("a")}')
    with pytest.raises(NetlistError, match=r"mul8u\.v:2: other files are not included; put their"):
        read_verilog(path)


def test_comments_strings_and_cycles_count_for_nothing():
    check_macros(
        '// `include "a"\n/* `define F(x) `F `F\n `include */ (* src = "`include" *)', "m.v"
    )
    check_macros("`define A `B `B\n`define B `A `A\n`A", "m.v")


@pytest.mark.parametrize(
    "text",
    ["/*" * 200_000 + "`", '"\\' * 200_000 + "`", "`define A `A\n" * 20_000,
     "".join(f"`define A{n} `A{n + 1}\n" for n in range(20_000)), "`" * 200_000,
     "`define A" + " \\\n" * 50_000],
    ids=["comments", "strings", "definitions", "chain", "ticks", "continued"],
)  # fmt: skip
def test_no_text_takes_quadratic_time(text):
    start = time.perf_counter()
    check_macros(text, "m.v")
    assert time.perf_counter() - start < 5
