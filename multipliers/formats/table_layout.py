"""What a table of products has to state beside its numbers: ports, operand order and name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from multipliers.multiplier import Multiplier
from multipliers.parameters import check_kind
from multipliers.ports import Port
from multipliers.signedness import Signedness, resolve_signedness

Order = Literal["xw", "wx"]
"""Operand whose code is the row, then the operand whose code is the column."""

MOST_BYTES = 1 << 22
"""Size above which a file is no table of 256 x 256 products (4 MiB)."""

_TITLE = "multipliers product table "
_VERSION = "1"
_SIZES = frozenset(1 << width for width in range(2, 9))
_PORT = re.compile(r"(signed|unsigned) ([2-8])-bit")


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Ports, operand order and name of a table.

    Args:
        x_port: Port of the first operand (activation).
        w_port: Port of the second operand (weight).
        order: Which operand's code is the row.
        name: What tables and reports call the multiplier.
        source: Where it came from.
    """

    x_port: Port
    w_port: Port
    order: Order
    name: str
    source: str

    @classmethod
    def of(cls, multiplier: Multiplier) -> TableLayout:
        """Return the layout of a multiplier's own table."""
        return cls(multiplier.x_port, multiplier.w_port, "xw", multiplier.name, multiplier.source)

    @classmethod
    def stated_by_caller(
        cls,
        path: Path,
        signed: Signedness,
        order: Order | None,
        *,
        shape: tuple[int, ...] = (256, 256),
    ) -> TableLayout:
        """Return the layout of a file that states nothing.

        Args:
            path: The file; its name or that of its folder may state the signedness.
            signed: The caller's statement, None to take it from the name of file or folder.
            order: The caller's statement.
            shape: Shape of the table; `(2^rows, 2^columns)` states the widths of the ports.

        Returns:
            The layout; with ports of 8 bits if the shape is another one.

        Raises:
            TypeError: If `signed` is not a bool, a pair of them or None.
            ValueError: If signedness or order are stated nowhere.
        """
        try:
            x_signed, w_signed = resolve_signedness(
                signed, path.stem, folder=path.absolute().parent
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        if check_order(order) is None:
            raise ValueError(
                f"{path}: the file does not state its operand order; pass order='xw' if the row is "
                "the code of the first operand (activation), order='wx' if it is the second's "
                "(--order on the command line)"
            )
        rows, columns = shape if set(shape) <= _SIZES and len(shape) == 2 else (256, 256)
        x_codes, w_codes = (rows, columns) if order == "xw" else (columns, rows)
        return cls(
            Port(x_codes.bit_length() - 1, x_signed),
            Port(w_codes.bit_length() - 1, w_signed),
            order or "xw",
            path.stem,
            str(path),
        )

    def header(self) -> list[str]:
        """Return the lines that state the layout at the beginning of a text file."""
        rows, columns = self.order
        return [
            f"{_TITLE}{_VERSION}",
            f"name: {json.dumps(self.name)}",
            f"source: {json.dumps(self.source)}",
            f"x: {_port_text(self.x_port)}",
            f"w: {_port_text(self.w_port)}",
            f"order: {self.order}",
            f"row = code of {rows}, column = code of {columns}; a code is the low 8 bits",
        ]

    def multiplier(self, path: Path, table: npt.NDArray[np.integer]) -> Multiplier:
        """Return the multiplier of a table in this layout.

        Args:
            path: The file, for the messages of errors.
            table: Products, any integer type, `(256, 256)` or of the ports' codes alone.

        Returns:
            The multiplier.

        Raises:
            TypeError: If `table` does not hold integers.
            ValueError: If it has another shape or values that do not fit.
        """
        try:
            return Multiplier.from_lut(
                table if self.order == "xw" else table.T,
                name=self.name,
                x_signed=self.x_port.signed,
                w_signed=self.w_port.signed,
                x_width=self.x_port.width,
                w_width=self.w_port.width,
                source=self.source,
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"{path}: {error}") from None


def parse_header(path: Path, comments: list[str]) -> TableLayout | None:
    """Return the layout that the comments of a text file state.

    Args:
        path: The file, for the messages of errors.
        comments: Its comments without the signs that begin them, in order.

    Returns:
        The layout, None if the file is not one that `save` wrote.

    Raises:
        ValueError: If the header has another version or is damaged.
    """
    lines = [comment.strip() for comment in comments]
    title = next((line for line in lines if line.startswith(_TITLE)), None)
    if title is None:
        return None
    version = title.removeprefix(_TITLE)
    if version != _VERSION:
        raise ValueError(f"{path}: the table's version must be {_VERSION}, got {version[:20]!r}; "
                         "a newer version of this package may read it")  # fmt: skip
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    x_port, w_port = (_PORT.fullmatch(fields.get(operand, "")) for operand in "xw")
    order = next((order for order in get_args(Order) if order == fields.get("order")), None)
    try:
        name, source = (json.loads(fields[field]) for field in ("name", "source"))
    except (KeyError, ValueError, RecursionError):
        name = source = None
    if not (x_port and w_port and order and isinstance(name, str) and isinstance(source, str)):
        raise ValueError(f"{path}: the header is damaged, it must state name, source, x, w, order")
    return TableLayout(
        Port(int(x_port[2]), x_port[1] == "signed"),
        Port(int(w_port[2]), w_port[1] == "signed"),
        order,
        name,
        source,
    )


def check_nothing_stated(path: Path, signed: Signedness, order: Order | None) -> None:
    """Raise an error if the caller states what the file states.

    Args:
        path: The file.
        signed: The caller's statement.
        order: The caller's statement.

    Raises:
        ValueError: If one of them is not None.
    """
    if signed is not None:
        raise ValueError(f"{path}: the file states its signedness, leave out 'signed'")
    if order is not None:
        raise ValueError(f"{path}: the file states its operand order, leave out 'order'")


def check_order(order: Order | None) -> Order | None:
    """Return an operand order that the caller states.

    Args:
        order: The caller's statement.

    Returns:
        The same.

    Raises:
        ValueError: If it is no order.
    """
    check_kind("order", order, str | None)
    if order not in (None, *get_args(Order)):
        raise ValueError(f"'order' must be 'xw', 'wx' or None, got {order!r}")
    return order


def _port_text(port: Port) -> str:
    return f"{'signed' if port.signed else 'unsigned'} {port.width}-bit"
