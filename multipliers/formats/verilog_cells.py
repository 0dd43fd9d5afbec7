"""Verilog models of library cells."""

from functools import cache
from pathlib import Path

CELLS = Path(__file__).with_name("cells.v")


@cache
def library_cells() -> str:
    """Return Verilog models of the library cells that netlists use without defining them.

    Examples:
        >>> "module FAX1" in library_cells()
        True
    """
    return CELLS.read_text(encoding="utf-8")
