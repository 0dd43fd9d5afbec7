"""What each cell costs: unit gates, or a table of the user's own."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from multipliers.bounded_file import read_text
from multipliers.netlists.gates import Op
from multipliers.parameters import check_kind, check_number, check_path

ADDERS = ("FA", "HA")
"""Cells of two gates: a full adder is an XOR3 and a MAJ, a half adder an XOR and an AND, that read
the same nets."""

CELL_NAMES = (*(op.name for op in Op), *ADDERS)


def _check_cell(cell: str) -> None:
    check_kind("cell", cell, str)
    if cell not in CELL_NAMES:
        raise ValueError(f"'cell' must be one of {', '.join(CELL_NAMES)}, got {cell!r}")


@dataclass(frozen=True, slots=True)
class CellTable:
    """Area and energy of cells.

    Args:
        name: What reports call the table.
        area: Area of each cell by name, an `Op` or ``"FA"`` or ``"HA"``, in any one unit.
        energy: Energy of each cell per change of its output, in any one unit; of an adder, per
            change of both its outputs. Names as in `area`.

    Raises:
        ValueError: If a name is no cell's, `area` and `energy` name different cells, or a figure is
            negative or not finite.

    Examples:
        >>> table = CellTable("mine", {"AND": 1.1, "INV": 0.5}, {"AND": 2.0, "INV": 0.7})
        >>> "FA" in table.area
        False
    """

    name: str
    area: Mapping[str, float]
    energy: Mapping[str, float]

    def __post_init__(self) -> None:
        check_kind("name", self.name, str)
        for column in ("area", "energy"):
            check_kind(column, getattr(self, column), Mapping)
        if set(self.area) != set(self.energy):
            different = ", ".join(sorted(set(self.area) ^ set(self.energy)))
            raise ValueError(f"'area' and 'energy' must name the same cells, differ in {different}")
        for column in ("area", "energy"):
            figures = dict(getattr(self, column))
            for cell, value in figures.items():
                _check_cell(cell)
                figures[cell] = check_number(f"{column} of {cell}", value, least=0)
            object.__setattr__(self, column, figures)


_UNIT_WEIGHTS = {
    "BUF": 0.0,
    "INV": 0.5,
    "AND": 1.0,
    "OR": 1.0,
    "XOR": 2.0,
    "NAND": 1.0,
    "NOR": 1.0,
    "XNOR": 2.0,
    "MUX": 3.0,
    "XOR3": 4.0,
    "MAJ": 4.0,
    "FA": 7.0,
}

UNIT_GATES = CellTable("unit gates", _UNIT_WEIGHTS, _UNIT_WEIGHTS)
"""Number of two-input gates that a cell is made of, for its area and for its energy alike.

An XOR3 that shares no full adder is two XOR, 4. A MAJ that shares none is ``ab + c(a + b)``, 4; in
the full adder of 7 it reuses an XOR. A half adder is its XOR and its AND, 3.
"""


def read_cells(path: str | Path) -> CellTable:
    r"""Read a cell table from a CSV file with the columns cell, area and energy.

    Args:
        path: The file. Its first line is ``cell,area,energy``; cells are named BUF, INV, AND, OR,
            XOR, NAND, NOR, XNOR, MUX, XOR3, MAJ and optionally FA and HA. A circuit can be costed
            if the table has the cells that occur in it.

    Returns:
        The table, named as the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not of this form, or the file larger than any of its kind; the
            message names file and line.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cells.csv"
        ...     _ = path.write_text("cell,area,energy\nAND,1.06,0.9\nFA,4.2,5.1\n")
        ...     read_cells(path).energy["FA"]
        5.1
    """
    path = check_path("path", path)
    try:
        rows = list(csv.reader(read_text(path).splitlines()))
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file: {error}") from None
    header = [column.strip().lower() for column in rows[0]] if rows else []
    if header != ["cell", "area", "energy"]:
        raise ValueError(f"{path}:1: the first line must be cell,area,energy, got {header}")
    area: dict[str, float] = {}
    energy: dict[str, float] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        try:
            cell, area_text, energy_text = (field.strip() for field in row)
            _check_cell(cell)
            if cell in area:
                raise ValueError(f"{cell} has a line already")
            CellTable(path.name, {cell: float(area_text)}, {cell: float(energy_text)})
        except ValueError as error:
            raise ValueError(f"{path}:{line}: {error}") from None
        area[cell], energy[cell] = float(area_text), float(energy_text)
    return CellTable(path.name, area, energy)
