"""Structural Verilog read into netlists: parse, elaborate, report what is wrong, flatten.

pyslang parses and elaborates; no other module imports it. Its syntax and type rules are the
standard's, so that widths and signs here are what any Verilog tool would take.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyslang
from pyslang import ast, syntax

from multipliers.builder import NetlistBuilder, Place
from multipliers.errors import NetlistError
from multipliers.netlist import Netlist
from multipliers.verilog_modules import Flattener

_CELLS = Path(__file__).with_name("cells.v")
# A library's modules are never tops. Compilations only borrow the library, so it lives as long as
# this module.
_LIBRARY = pyslang.SourceLibrary()

# The standard only asks for a warning, but the circuit is not what its author meant.
_FATAL_WARNINGS = {
    pyslang.Diags.DuplicateDefinition,
    pyslang.Diags.IndexOOB,
    pyslang.Diags.PortWidthExpand,
    pyslang.Diags.PortWidthTruncate,
    pyslang.Diags.RangeOOB,
}
# Time is of no interest here, and files mix modules with and without a time scale.
_HARMLESS_ERRORS = {pyslang.Diags.MissingTimeScale}


def read_verilog(path: str | Path, *, top: str | None = None) -> Netlist:
    """Read a structural Verilog file into a flat netlist.

    Read are modules with wires, continuous assignments of ``& | ^ ~ ! ~^ +``, constants, selects,
    concatenations and replications, and instances of modules that the file defines or that are
    among the cells of ``multipliers/cells.v``. Gates on which no output depends are left out.

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
            unknown cells; if a net that matters has several drivers, none, or drives itself.

    Examples:
        >>> from multipliers import demo_netlist
        >>> print(read_verilog(demo_netlist()))
        mul8s_bam_h0_v7: A[8], B[8] -> O[16], 107 gates
    """
    file = str(path)
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise NetlistError(f"byte 0x{byte:02x} is not UTF-8 text", file=file, line=line) from None
    return parse_verilog(text, top=top, file=file)


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
    if not text.strip():
        raise NetlistError("the file is empty", file=file)
    sources = pyslang.SourceManager()
    tree = syntax.SyntaxTree.fromFileInMemory(text, sources, file, file)
    compilation = _elaborate(tree, sources, top)
    _check(tree, compilation, sources, file, top)
    instance = _choose_top(compilation, file, top)

    def locate(location: pyslang.SourceLocation) -> Place:
        return sources.getFileName(location) or file, sources.getLineNumber(location)

    def is_library_cell(body: ast.InstanceBodySymbol) -> bool:
        return body.definition.sourceLibrary is _LIBRARY

    builder = NetlistBuilder(instance.name, file)
    try:
        Flattener(builder, locate, is_library_cell).add_top(instance)
    except RecursionError:
        raise NetlistError("an expression is nested too deeply", file=file) from None
    return builder.build()


@cache
def _cells_text() -> str:
    return _CELLS.read_text(encoding="utf-8")


def _elaborate(
    tree: syntax.SyntaxTree, sources: pyslang.SourceManager, top: str | None
) -> ast.Compilation:
    """Return the elaborated file, with the library cells behind its own modules."""
    options = ast.CompilationOptions()
    options.defaultLiblist = ["work"]  # first the file itself, then other libraries
    if top is not None:
        options.topModules = {top}
    bag = pyslang.Bag()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    compilation.addSyntaxTree(tree)
    name = str(_CELLS)
    compilation.addSyntaxTree(
        syntax.SyntaxTree.fromText(_cells_text(), sources, name, name, library=_LIBRARY)
    )
    return compilation


def _check(
    tree: syntax.SyntaxTree,
    compilation: ast.Compilation,
    sources: pyslang.SourceManager,
    file: str,
    top: str | None,
) -> None:
    """Raise the first error that parser or elaboration found, syntax before meaning."""
    engine = pyslang.DiagnosticEngine(sources)
    for diagnostics in (tree.diagnostics, compilation.getAllDiagnostics()):
        for diagnostic in diagnostics:
            fatal = diagnostic.isError() or diagnostic.code in _FATAL_WARNINGS
            if not fatal or diagnostic.code in _HARMLESS_ERRORS:
                continue
            if diagnostic.code == pyslang.Diags.InvalidTopModule:
                raise NetlistError(_no_such_top(compilation, top), file=file)
            message = engine.formatMessage(diagnostic)
            if diagnostic.code == pyslang.Diags.UnknownModule:
                message += f"; neither this file nor {_CELLS.name} defines it"
            line = sources.getLineNumber(diagnostic.location)
            raise NetlistError(message, file=file, line=line or None)


def _no_such_top(compilation: ast.Compilation, top: str | None) -> str:
    return f"there is no module {top!r}; the file has {_listing(_own_modules(compilation))}"


def _own_modules(compilation: ast.Compilation) -> list[str]:
    """Return the names of the modules that the file itself defines."""
    return [
        symbol.name
        for symbol in compilation.getDefinitions()
        if symbol.sourceLibrary is not _LIBRARY
    ]


def _choose_top(compilation: ast.Compilation, file: str, top: str | None) -> ast.InstanceSymbol:
    instances: list[ast.InstanceSymbol] = list(compilation.getRoot().topInstances)
    named = [instance for instance in instances if instance.name == (top or Path(file).stem)]
    if len(instances) == 1 or named:
        return (named or instances)[0]
    if not instances:
        raise NetlistError("the file defines no module that could be the top", file=file)
    names = _listing([instance.name for instance in instances])
    raise NetlistError(f"several modules may be the top: {names}; choose one with top=", file=file)


def _listing(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
