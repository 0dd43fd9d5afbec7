"""Multipliers on disk: netlists and tables in, tables out, in the format that the suffix names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from multipliers.formats.adapt import adapt_header, read_adapt
from multipliers.formats.arrays import npy_table, npz_table, read_npy, read_npz
from multipliers.formats.netlist_files import (
    FLAT,
    HIERARCHICAL,
    WRITERS,
    listing,
    read_netlist,
    refuse_folder,
)
from multipliers.formats.table_layout import Order
from multipliers.formats.table_text import read_text_table, text_table
from multipliers.formats.tfapprox import read_tfapprox, tfapprox_table
from multipliers.multiplier import Multiplier, check_multiplier
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_flag, check_path
from multipliers.shortened import shortened
from multipliers.signedness import Signedness, resolve_signedness
from multipliers.whole_file import write_whole

_NETLISTS = HIERARCHICAL | FLAT
_TABLES: dict[str, Callable[..., Multiplier]] = {
    ".bin": read_tfapprox,
    ".csv": read_text_table,
    ".h": read_adapt,
    ".npy": read_npy,
    ".npz": read_npz,
    ".txt": read_text_table,
}
_TABLE_WRITERS: dict[str, Callable[[Multiplier], str | bytes]] = {
    ".csv": lambda multiplier: text_table(multiplier, ","),
    ".h": adapt_header,
    ".npy": npy_table,
    ".npz": npz_table,
    ".txt": lambda multiplier: text_table(multiplier, " "),
}


def load(
    path: str | Path,
    *,
    signed: Signedness = None,
    top: str | None = None,
    order: Order | None = None,
    synthesise: bool = False,
) -> Multiplier:
    """Read a multiplier from a file, by its suffix.

    Netlists are simulated exhaustively, and the first input port takes the activation: ``.v .sv``
    structural Verilog, ``.blif``, ``.cgp .chr`` CGP chromosomes, ``.aag .aig`` AIGER. Tables:
    ``.npz .csv .txt`` that `save` wrote, which state everything; other ``.csv .txt`` of 256 lines
    of 256 integers, ``.npy`` and other ``.npz`` of `(256, 256)` integers, or fewer for narrower
    ports, ``.bin`` of TFApprox and ``.h`` of AdaPT. Rows and columns are in code order.

    Args:
        path: The file.
        signed: Whether the operands are in two's complement, one answer for both or a pair. None
            takes it from the file, from the module's or the file's name (``mul8s_...``,
            ``mul8u_...``), from ports that are declared ``signed``, or from a folder's name as in
            EvoApproxLib (``8x8_signed``); what these state must agree.
        top: Top module of a Verilog or BLIF file, None to find it.
        order: Which operand's code is the row of a table, ``"xw"`` for the first, ``"wx"`` for the
            second. Must be given for every table whose file does not state it, but ``.h``, where
            AdaPT's own order, the first operand, is taken.
        synthesise: Whether to turn behavioural Verilog into gates with Yosys first.

    Returns:
        The multiplier.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder.
        ImportError: If Yosys is needed and not installed.
        NetlistError: If a netlist or a text table cannot be read.
        NotImplementedError: If a circuit is no multiplier of 2 to 8 bits a port.
        TypeError: If `signed` is not a bool, a pair of them or None, or a table has no integers.
        ValueError: If the suffix is another one, signedness or operand order are stated nowhere or
            twice, or a table's file is damaged or foreign.

    Examples:
        >>> from multipliers import demo_netlist
        >>> print(load(demo_netlist()))
        mul8s_bam_h0_v8: signed 8-bit (-128..127) x signed 8-bit (-128..127)
    """
    check_flag("synthesise", synthesise)
    path = check_path("path", path)
    suffix = path.suffix.lower()
    if suffix in _NETLISTS:
        if order is not None:
            raise ValueError(f"{path}: 'order' is for tables, got {order!r}")
        return _load_netlist(path, signed, top, synthesise)
    if suffix not in _TABLES:
        refuse_folder(path)
        suffixes = listing([*_NETLISTS, *_TABLES])
        beside = "; EvoApproxLib has a .v file of the same circuit" if suffix == ".c" else ""
        raise ValueError(f"{path}: the suffix must be {suffixes}, got {suffix!r}{beside}")
    if top is not None:
        raise ValueError(f"{path}: 'top' is for Verilog and BLIF files, got {top!r}")
    if synthesise:
        raise ValueError(f"{path}: 'synthesise' is for Verilog files")
    return _TABLES[suffix](path, signed=signed, order=order)


def save(multiplier: Multiplier, path: str | Path, *, order: Order | None = None) -> None:
    """Write a multiplier's table to a file, whole or not at all.

    `load` reads back the same multiplier from ``.npz .csv .txt .h``, which also hold ports, name
    and source, and the same table from ``.npy`` and ``.bin``, given signedness and order again.

    Args:
        multiplier: The multiplier.
        path: The file; its suffix names the format: ``.npz``, ``.npy``, ``.csv``, ``.txt``,
            ``.bin`` of TFApprox (unsigned operands only) or ``.h`` of AdaPT (signed ones only).
        order: Operand order of a ``.bin``, for which it must be given.

    Raises:
        OSError: If the file cannot be written; an older one is still as it was.
        ValueError: If the suffix is another one, or the format cannot hold the multiplier.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import truncated_multiplier
        >>> multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
        >>> with TemporaryDirectory() as folder:
        ...     save(multiplier, Path(folder) / "tm2.npz")
        ...     load(Path(folder) / "tm2.npz") == multiplier
        True
    """
    check_multiplier("multiplier", multiplier)
    path = check_path("path", path)
    suffix = path.suffix.lower()
    if suffix in WRITERS:
        raise ValueError(
            f"{path}: a table has no gates to write as {suffix}; "
            "write_netlist() writes the netlist that it was made from"
        )
    if suffix not in (*_TABLE_WRITERS, ".bin"):
        suffixes = listing([*_TABLE_WRITERS, ".bin"])
        raise ValueError(f"{path}: the suffix must be {suffixes}, got {suffix!r}")
    if suffix != ".bin" and order is not None:
        raise ValueError(f"{path}: 'order' is for .bin files, got {order!r}")
    try:
        content = (
            tfapprox_table(multiplier, order)
            if suffix == ".bin"
            else _TABLE_WRITERS[suffix](multiplier)
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    write_whole(path, content if isinstance(content, bytes) else content.encode())


def netlist_signedness(
    netlist: Netlist, path: str | Path, signed: Signedness = None
) -> tuple[bool, bool]:
    """Return whether the operands of a circuit that was read from a file are signed.

    Args:
        netlist: The circuit.
        path: Its file.
        signed: The caller's statement, None to take it from circuit, file and folder as `load`.

    Returns:
        Signedness of the first and of the second operand.

    Raises:
        TypeError: If `signed` is not a bool, a pair of them or None.
        ValueError: If the signedness is stated nowhere or by contradiction.

    Examples:
        >>> from multipliers import array_multiplier
        >>> netlist_signedness(array_multiplier(signed=True), "top.v")
        (True, True)
    """
    path = check_path("path", path).absolute()
    return resolve_signedness(
        signed, netlist.name, path.stem, declared=netlist.declared_signs, folder=path.parent
    )


def _load_netlist(path: Path, signed: Signedness, top: str | None, synthesise: bool) -> Multiplier:
    netlist = read_netlist(path, top=top, synthesise=synthesise)
    try:
        return Multiplier.from_netlist(netlist, signed=netlist_signedness(netlist, path, signed))
    except NotImplementedError as error:
        raise NotImplementedError(f"{path}: {shortened(str(error))}") from None
    except ValueError as error:
        raise NetlistError(str(error), file=str(path)) from None
