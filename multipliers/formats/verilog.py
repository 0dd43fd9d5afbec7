"""Structural Verilog read into netlists: parse, elaborate, report what is wrong, flatten.

pyslang parses and elaborates; `verilog_design` alone imports it, when the first file is read. Its
syntax and type rules are the standard's, so that widths and signs here are what any Verilog tool
would take.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from multipliers.bounded_file import read_text
from multipliers.formats.verilog_depth import check_depth
from multipliers.formats.verilog_macros import check_macros
from multipliers.formats.verilog_modules import Flattener
from multipliers.netlists.builder import NetlistBuilder
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_kind

if TYPE_CHECKING:
    from multipliers.formats.verilog_design import Design

# Plain Verilog has fewer keywords than SystemVerilog, so that its wires may be named `bit` or `do`.
_VERILOG_KEYWORDS = '`begin_keywords "1364-2005" '


def read_verilog(path: str | Path, *, top: str | None = None) -> Netlist:
    """Read a structural Verilog file into a flat netlist.

    Read are modules with wires, continuous assignments of ``& | ^ ~ ! ~^ + ?:``, constants,
    selects, concatenations and replications, and instances of modules that the file defines or
    that are among the cells of ``cells.v`` beside this file. Macros without arguments are
    expanded, other files are not included. A wire may be used above its
    declaration, and be named like a keyword that only SystemVerilog has. Gates on which no output
    depends are left out.

    Args:
        path: The file, UTF-8.
        top: Name of the top module; None takes the only module that no other one instantiates,
            or, of several, the one named as the file.

    Returns:
        The netlist, named as the top module, its ports in the order of the module's header.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is empty, truncated, not UTF-8 or not Verilog; if it has several
            modules that could be the top or not the one asked for; if it uses other constructs or
            unknown cells; if it is nested too deeply; if a net that matters has several drivers,
            none, or drives itself.

    Examples:
        >>> from multipliers import demo_netlist
        >>> print(read_verilog(demo_netlist()))
        mul8s_bam_h0_v8: A[8], B[8] -> O[16], 83 gates
    """
    return parse_verilog(read_text(path), top=top, file=str(path))


def parse_verilog(text: str, *, top: str | None = None, file: str = "text") -> Netlist:
    """Read structural Verilog from a string; see `read_verilog`.

    Args:
        text: The Verilog source.
        top: Name of the top module, None to find it.
        file: What errors and the netlist's `source` call the text.

    Returns:
        The netlist of the top module.

    Raises:
        NetlistError: As `read_verilog`.

    Examples:
        >>> text = "module inc(input [1:0] a, output [2:0] y); assign y = a + 1'b1; endmodule"
        >>> print(parse_verilog(text))
        inc: a[2] -> y[3], 3 gates
    """
    check_kind("top", top, str | None)
    check_kind("text", text, str)
    check_kind("file", file, str)
    if not text.strip():
        raise NetlistError("the file is empty", file=file)
    check_macros(text, file)
    check_depth(text, file)
    design = _readable_design(text, file, top)
    instance = design.choose_top(top)
    builder = NetlistBuilder(instance.name, file)
    try:
        Flattener(builder, design.locate).add_top(instance)
    except RecursionError:
        raise NetlistError("an expression is nested too deeply", file=file) from None
    return builder.build()


def _readable_design(text: str, file: str, top: str | None) -> Design:
    """Return the design without errors, read as SystemVerilog or else as plain Verilog.

    Raises:
        NetlistError: If it has errors either way: that of the reading which got further.
    """
    from multipliers.formats.verilog_design import Design  # noqa: PLC0415

    design = Design.elaborate(text, file, top)
    try:
        design.check(top)
    except NetlistError as error:
        if design.is_syntactically_correct():
            raise
        plain = Design.elaborate(_VERILOG_KEYWORDS + text, file, top)
        try:
            plain.check(top)
        except NetlistError as other:
            raise (other if (other.line or 0) > (error.line or 0) else error) from None
        return plain
    return design
