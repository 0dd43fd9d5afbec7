"""One Verilog file, parsed and elaborated by pyslang, and what is wrong with it.

No other module imports pyslang, which takes longer to load than all other readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyslang
from pyslang import ast, syntax

from multipliers.formats.verilog_cells import CELLS, library_cells
from multipliers.netlists.builder import Place
from multipliers.netlists.netlist_error import NetlistError

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


@dataclass(frozen=True, slots=True)
class Design:
    """An elaborated file, with everything that its compilation only borrows."""

    file: str
    sources: pyslang.SourceManager
    tree: syntax.SyntaxTree
    library: pyslang.SourceLibrary
    compilation: ast.Compilation

    @classmethod
    def elaborate(cls, text: str, file: str, top: str | None) -> Design:
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
        name = CELLS.name
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
            message += (
                f"; neither this file nor the package's {CELLS.name} defines it: add the module, "
                "such as the cell's model, to the file, and name the top with top= or --top"
            )
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
