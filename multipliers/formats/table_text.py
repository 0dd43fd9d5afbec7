"""Tables of products as text: 256 lines of 256 numbers, apart by commas or white space."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from multipliers.bounded_file import read_text
from multipliers.formats.table_layout import (
    MOST_BYTES,
    Order,
    TableLayout,
    check_nothing_stated,
    parse_header,
)
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path
from multipliers.signedness import Signedness

_NUMBER = re.compile(r"[+-]?\d{1,10}")
_SEPARATORS = re.compile(r"[,;\s]+")


def read_text_table(
    path: str | Path, *, signed: Signedness = None, order: Order | None = None
) -> Multiplier:
    r"""Read a table of products from a ``.csv`` or ``.txt`` file.

    Lines that begin with ``#`` are comments; in those that `save` writes the file states ports,
    operand order and name. Rows and columns are in code order: 0 to 127, then -128 to -1 where an
    operand is signed.

    Args:
        path: The file, UTF-8.
        signed: Whether the operands are signed, where neither file nor its name states it.
        order: ``"xw"`` if the row is the code of the first operand, ``"wx"`` if it is that of the
            second, where the file does not state it.

    Returns:
        The multiplier.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If the file is too large, not UTF-8, or not 256 lines of 256 integers.
        TypeError: If `signed` is not a bool, a pair of them or None.
        ValueError: If signedness or operand order are stated nowhere or twice, the header is
            damaged, or the numbers do not fit int32.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul8u_zero.csv"
        ...     _ = path.write_text((",".join(["0"] * 256) + "\n") * 256)
        ...     print(read_text_table(path, order="xw"))
        mul8u_zero: unsigned 8-bit (0..255) x unsigned 8-bit (0..255)
    """
    path = check_path("path", path)
    lines = read_text(path, most=MOST_BYTES).split("\n")
    comments = [line.strip()[1:] for line in lines if line.lstrip().startswith("#")]
    stated = parse_header(path, comments)
    if stated is not None:
        check_nothing_stated(path, signed, order)
    layout = stated or TableLayout.stated_by_caller(path, signed, order)
    rows = [
        parse_row(line, str(path), number)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) != 256:
        raise NetlistError(
            f"a table must have 256 lines of numbers, got {len(rows)}", file=str(path)
        )
    if stated is not None and lines[-1]:
        message = "the last line must end with a line break, the file may be truncated"
        raise NetlistError(message, file=str(path))
    return layout.multiplier(path, np.array(rows, dtype=np.int64))


def text_table(multiplier: Multiplier, separator: str) -> str:
    r"""Return a multiplier as text that `read_text_table` reads back into the same multiplier.

    Args:
        multiplier: The multiplier.
        separator: What stands between two numbers.

    Returns:
        Text of the file.

    Examples:
        >>> from multipliers import exact_products
        >>> multiplier = Multiplier.from_lut(exact_products(True, True), name="exact")
        >>> print("\n".join(text_table(multiplier, ",").splitlines()[:6]))
        # multipliers product table 1
        # name: "exact"
        # source: "table"
        # x: signed 8-bit
        # w: signed 8-bit
        # order: xw
    """
    header = [f"# {line}" for line in TableLayout.of(multiplier).header()]
    return "\n".join([*header, *table_rows(multiplier.lut, separator)]) + "\n"


def table_rows(table: npt.NDArray[np.int32], separator: str) -> list[str]:
    """Return the rows of a table as text.

    Args:
        table: Products, int32 `(256, 256)`.
        separator: What stands between two numbers.

    Returns:
        One text a row.

    Examples:
        >>> table_rows(np.eye(2, dtype=np.int32), ", ")
        ['1, 0', '0, 1']
    """
    return [separator.join(map(str, row)) for row in table.tolist()]


def parse_row(text: str, file: str, line: int) -> list[int]:
    """Return the 256 numbers of a row.

    Args:
        text: Numbers apart by commas, semicolons or white space.
        file: What errors call the file.
        line: Number of the line for the messages of errors.

    Returns:
        The numbers.

    Raises:
        NetlistError: If there are not 256, or one is no decimal integer of at most 10 digits.
    """
    words = _SEPARATORS.split(text.strip().strip(",;").strip())
    if len(words) != 256:
        message = f"a row must have 256 numbers, got {len(words)}"
        raise NetlistError(message, file=file, line=line)
    if wrong := next((word for word in words if not _NUMBER.fullmatch(word)), None):
        message = f"'{wrong[:20]}' is no decimal integer of at most 10 digits"
        raise NetlistError(message, file=file, line=line)
    return [int(word) for word in words]
