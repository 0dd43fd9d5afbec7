"""Tables of products as NumPy arrays: `.npz` with ports, name and source, or a table alone."""

from __future__ import annotations

import io
import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from multipliers.bounded_file import read_bytes
from multipliers.formats.table_layout import (
    MOST_BYTES,
    Order,
    TableLayout,
    check_nothing_stated,
)
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path
from multipliers.ports import Port
from multipliers.shortened import reason, shortened
from multipliers.signedness import Signedness

FORMAT_VERSION = 2
"""Version of the `.npz` layout that `save` writes; version 1 has no widths, which are 8."""

# Kind of each single value beside the table: b truth value, i integer, U text.
_KINDS = {"name": "U", "source": "U", "w_signed": "b", "x_signed": "b"}
_WIDTHS = {"w_width": "i", "x_width": "i"}

_DAMAGED = (
    AttributeError, EOFError, IndexError, KeyError, MemoryError, OSError, OverflowError,
    RuntimeError, SyntaxError, TypeError, ValueError, lzma.LZMAError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_npz(
    path: str | Path, *, signed: Signedness = None, order: Order | None = None
) -> Multiplier:
    """Read a multiplier from an `.npz` that `save` wrote, or one that holds a table alone.

    Args:
        path: The file: of `save`, or with one array as for `read_npy`.
        signed: None if `save` wrote the file, which states it; else as for `read_npy`.
        order: None if `save` wrote the file, which states it; else as for `read_npy`.

    Returns:
        The multiplier.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the table holds no integers.
        ValueError: If the file is damaged or another one, the caller states what it states, or
            signedness or operand order are stated nowhere.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True), name="exact")
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "exact.npz"
        ...     _ = path.write_bytes(npz_table(exact))
        ...     read_npz(path) == exact
        True
    """
    path = check_path("path", path)
    fields = read_arrays(path)
    if list(fields) == [""]:
        raise ValueError(f"{path}: not a .npz file, but one array in the .npy format")
    version = fields.get("format_version")
    if version is None:
        return _lone_table(path, fields, signed, order)
    check_nothing_stated(path, signed, order)
    if version.shape or not np.issubdtype(version.dtype, np.integer):
        raise ValueError(f"{path}: the format version must be one integer, got {version.dtype}")
    if int(version) not in (1, FORMAT_VERSION):
        raise ValueError(
            f"{path}: the format version must be at most {FORMAT_VERSION}, got {int(version)}; "
            "a newer version of this package may read it"
        )
    kinds = _KINDS | (_WIDTHS if int(version) > 1 else {})
    if missing := sorted({"lut", *kinds} - set(fields)):
        raise ValueError(f"{path}: not a multiplier, there is no {', '.join(missing)}")
    for name, kind in kinds.items():
        value = fields[name]
        if value.shape or value.dtype.kind != kind:
            raise ValueError(
                f"{path}: '{name}' must be one value of kind '{kind}', got {value.dtype}"
            )
    widths = {name: int(fields[name]) if int(version) > 1 else 8 for name in _WIDTHS}
    if not all(2 <= width <= 8 for width in widths.values()):
        raise ValueError(f"{path}: ports must have 2 to 8 bits, got {widths}")
    layout = TableLayout(
        Port(widths["x_width"], bool(fields["x_signed"])),
        Port(widths["w_width"], bool(fields["w_signed"])),
        "xw",
        str(fields["name"]),
        str(fields["source"]),
    )
    return layout.multiplier(path, fields["lut"])


def read_npy(
    path: str | Path, *, signed: Signedness = None, order: Order | None = None
) -> Multiplier:
    """Read a table of integers from an `.npy`.

    Args:
        path: The file, integers `(256, 256)`, or of narrower ports `(2^rows, 2^columns)`.
        signed: Whether the operands are signed, None to take it from the file's name.
        order: ``"xw"`` if the row is the code of the first operand, as `save` writes it, ``"wx"``
            if it is the second's.

    Returns:
        The multiplier, named as the file.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the table holds no integers, or `signed` is of another type.
        ValueError: If the file is damaged or another one, or signedness or operand order are
            stated nowhere.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "mul8u_zero.npy"
        ...     np.save(path, np.zeros((256, 256), dtype=np.int32))
        ...     print(read_npy(path, order="xw"))
        mul8u_zero: unsigned 8-bit (0..255) x unsigned 8-bit (0..255)
    """
    path = check_path("path", path)
    arrays = read_arrays(path)
    if list(arrays) != [""]:
        raise ValueError(f"{path}: not a .npy file, but an archive of several arrays")
    return _lone_table(path, arrays, signed, order)


def _lone_table(
    path: Path,
    arrays: dict[str, np.ndarray[Any, Any]],
    signed: Signedness,
    order: Order | None,
) -> Multiplier:
    """Return the multiplier of a file that holds nothing beside its table."""
    if len(arrays) != 1:
        raise ValueError(
            f"{path}: must be a file of save(), or hold one table alone, "
            f"got {shortened(', '.join(arrays))}; save the table that you mean in a file of its own"
        )
    (table,) = arrays.values()
    layout = TableLayout.stated_by_caller(path, signed, order, shape=table.shape)
    return layout.multiplier(path, table)


def npz_table(multiplier: Multiplier) -> bytes:
    """Return a multiplier as an `.npz`, which `read_npz` reads back.

    Args:
        multiplier: The multiplier.

    Returns:
        Content of the file.

    Examples:
        >>> from multipliers import exact_products
        >>> npz_table(Multiplier.from_lut(exact_products(True, True)))[:2]
        b'PK'
    """
    content = io.BytesIO()
    np.savez_compressed(
        content,
        format_version=np.int64(FORMAT_VERSION),
        lut=multiplier.lut,
        name=np.str_(multiplier.name),
        x_signed=np.bool_(multiplier.x_port.signed),
        w_signed=np.bool_(multiplier.w_port.signed),
        x_width=np.int64(multiplier.x_port.width),
        w_width=np.int64(multiplier.w_port.width),
        source=np.str_(multiplier.source),
    )
    return content.getvalue()


def npy_table(multiplier: Multiplier) -> bytes:
    """Return a multiplier's table alone as an `.npy`, int32, row = code of the first operand.

    Args:
        multiplier: The multiplier.

    Returns:
        Content of the file.

    Examples:
        >>> from multipliers import exact_products
        >>> npy_table(Multiplier.from_lut(exact_products(True, True)))[1:6]
        b'NUMPY'
    """
    content = io.BytesIO()
    np.save(content, multiplier.lut, allow_pickle=False)
    return content.getvalue()


def read_arrays(path: Path, *, most: int = MOST_BYTES) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an `.npz` by name, or the array of an `.npy` under the empty name.

    Args:
        path: The file.
        most: Greatest number of bytes, packed and unpacked; bounds the memory of a bad file.

    Returns:
        The arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is too large, damaged or another one, or has to be unpickled.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(Path(folder) / "a.npz", codes=np.arange(3))
        ...     read_arrays(Path(folder) / "a.npz")
        {'codes': array([0, 1, 2])}
    """
    content = io.BytesIO(read_bytes(path, most=most))
    try:
        if zipfile.is_zipfile(content):
            with zipfile.ZipFile(content) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > most:
                raise NetlistError(f"the arrays must have at most {most} bytes")
        content.seek(0)
        with warnings.catch_warnings(action="ignore"):  # of headers that are odd or from Python 2
            loaded = np.load(content, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"": loaded}
            with loaded:
                arrays = {name: loaded[name] for name in loaded.files}
        if other := [name for name, value in arrays.items() if not isinstance(value, np.ndarray)]:
            raise ValueError(f"'{shortened(other[0])}' is no array")
        return arrays
    except _DAMAGED as error:
        raise ValueError(
            f"{path}: not a {path.suffix} file, or a damaged one: {reason(error)}"
        ) from None
