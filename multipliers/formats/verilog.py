"""Structural Verilog read into netlists: parse, elaborate, report what is wrong, flatten.

pyslang parses and elaborates; no other module imports it. Its syntax and type rules are the
standard's, so that widths and signs here are what any Verilog tool would take.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyslang
from pyslang import ast, syntax

from multipliers.builder import NetlistBuilder, Place
from multipliers.errors import NetlistError
from multipliers.formats.text import read_text
from multipliers.formats.verilog_macros import check_macros
from multipliers.formats.verilog_modules import Flattener
from multipliers.netlist import Netlist

_CELLS = Path(__file__).with_name("cells.v")
_IN_MEMORY = "netlist"  # pyslang would write paths relative to the working directory

# The standard only asks for a warning, but the circuit is not what its author meant.
_FATAL_WARNINGS = {
    "DuplicateDefinition",
    "IndexOOB",
    "PortWidthExpand",
    "PortWidthTruncate",
    "RangeOOB",
    "RangeSelectReversed",
    "RangeWidthOOB",
    "RedefinitionDifferentType",
}
# Time is of no interest here, and files mix modules with and without a time scale.
_HARMLESS_ERRORS = {"MissingTimeScale"}
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
            unknown cells; if a net that matters has several drivers, none, or drives itself.

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
    if not text.strip():
        raise NetlistError("the file is empty", file=file)
    check_macros(text, file)
    design = _readable_design(text, file, top)
    instance = design.choose_top(top)
    builder = NetlistBuilder(instance.name, file)
    try:
        Flattener(builder, design.locate).add_top(instance)
    except RecursionError:
        raise NetlistError("an expression is nested too deeply", file=file) from None
    return builder.build()


def _readable_design(text: str, file: str, top: str | None) -> _Design:
    """Return the design without errors, read as SystemVerilog or else as plain Verilog.

    Raises:
        NetlistError: If it has errors either way: that of the reading which got further.
    """
    design = _Design.elaborate(text, file, top)
    try:
        design.check(top)
    except NetlistError as error:
        if design.is_syntactically_correct():
            raise
        plain = _Design.elaborate(_VERILOG_KEYWORDS + text, file, top)
        try:
            plain.check(top)
        except NetlistError as other:
            raise (other if (other.line or 0) > (error.line or 0) else error) from None
        return plain
    return design


@cache
def library_cells() -> str:
    """Return Verilog models of the library cells that netlists use without defining them.

    Examples:
        >>> "module FAX1" in library_cells()
        True
    """
    return _CELLS.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Design:
    """An elaborated file, with everything that its compilation only borrows."""

    file: str
    sources: pyslang.SourceManager
    tree: syntax.SyntaxTree
    library: pyslang.SourceLibrary
    compilation: ast.Compilation

    @classmethod
    def elaborate(cls, text: str, file: str, top: str | None) -> _Design:
        """Parse and elaborate a file with the library cells behind its own modules."""
        options = ast.CompilationOptions()
        options.defaultLiblist = ["work"]  # first the file itself, then other libraries
        options.flags |= ast.CompilationFlags.AllowUseBeforeDeclare
        if top is not None:
            options.topModules = {top}
        bag = pyslang.Bag()
        bag.compilationOptions = options
        sources = pyslang.SourceManager()
        tree = syntax.SyntaxTree.fromFileInMemory(text, sources, _IN_MEMORY, "")
        library = pyslang.SourceLibrary()  # its modules are never tops
        name = _CELLS.name
        cells = syntax.SyntaxTree.fromText(library_cells(), sources, name, name, library=library)
        compilation = ast.Compilation(bag)
        compilation.addSyntaxTree(tree)
        compilation.addSyntaxTree(cells)
        return cls(file, sources, tree, library, compilation)

    def locate(self, location: pyslang.SourceLocation) -> Place:
        """Return file and line of a location."""
        name = self.sources.getFileName(location)
        return self.file if name == _IN_MEMORY else name, self.sources.getLineNumber(location)

    def is_syntactically_correct(self) -> bool:
        """Return whether the parser found no error."""
        return not any(diagnostic.isError() for diagnostic in self.tree.diagnostics)

    def check(self, top: str | None) -> None:
        """Raise the first error that parser or elaboration found, syntax before meaning."""
        for diagnostics in (self.tree.diagnostics, self.compilation.getAllDiagnostics()):
            for diagnostic in diagnostics:
                code = str(diagnostic.code).removeprefix("DiagCode(").removesuffix(")")
                if diagnostic.isError() and code not in _HARMLESS_ERRORS:
                    raise self._error(diagnostic, code, top)
                if code in _FATAL_WARNINGS:
                    raise self._error(diagnostic, code, top)

    def _error(self, diagnostic: pyslang.Diagnostic, code: str, top: str | None) -> NetlistError:
        if code == "InvalidTopModule":
            names = _listing(
                symbol.name
                for symbol in self.compilation.getDefinitions()
                if symbol.sourceLibrary is not self.library
            )
            return NetlistError(f"there is no module {top!r}; the file has {names}", file=self.file)
        message = pyslang.DiagnosticEngine(self.sources).formatMessage(diagnostic)
        if code == "UnknownModule":
            message += f"; neither this file nor {_CELLS.name} defines it"
        line = self.sources.getLineNumber(diagnostic.location)
        return NetlistError(message, file=self.file, line=line or None)

    def choose_top(self, top: str | None) -> ast.InstanceSymbol:
        """Return the top module's instance: the one asked for, the only one, or the file's."""
        instances: list[ast.InstanceSymbol] = list(self.compilation.getRoot().topInstances)
        wanted = top or Path(self.file).stem
        named = [instance for instance in instances if instance.name == wanted]
        if len(instances) == 1 or named:
            return (named or instances)[0]
        if not instances:
            message = "the file defines no module that could be the top"
        else:
            names = _listing(instance.name for instance in instances)
            message = f"several modules may be the top: {names}; choose one with top= or --top"
        raise NetlistError(message, file=self.file)


def _listing(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
