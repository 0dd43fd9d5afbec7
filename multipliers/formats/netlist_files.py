"""Netlists on disk, in the format that the file's suffix names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from multipliers.formats.aiger import read_aiger
from multipliers.formats.aiger_writer import to_aiger, to_binary_aiger
from multipliers.formats.blif import read_blif
from multipliers.formats.blif_writer import to_blif
from multipliers.formats.cgp import read_cgp, to_cgp
from multipliers.formats.verilog import read_verilog
from multipliers.formats.verilog_writer import to_verilog
from multipliers.formats.yosys import synthesise as run_yosys
from multipliers.netlists.netlist import Netlist, check_netlist
from multipliers.parameters import check_flag, check_path
from multipliers.whole_file import write_whole

HIERARCHICAL: dict[str, Callable[..., Netlist]] = {
    ".blif": read_blif,
    ".sv": read_verilog,
    ".v": read_verilog,
}
"""Readers of the formats with several modules, of which one is the top."""

FLAT: dict[str, Callable[[Path], Netlist]] = {
    ".aag": read_aiger,
    ".aig": read_aiger,
    ".cgp": read_cgp,
    ".chr": read_cgp,
}
"""Readers of the formats with one circuit a file."""

WRITERS: dict[str, Callable[[Netlist], str | bytes]] = {
    ".aag": to_aiger,
    ".aig": to_binary_aiger,
    ".blif": to_blif,
    ".cgp": to_cgp,
    ".chr": to_cgp,
    ".v": to_verilog,
}


def read_netlist(path: str | Path, *, top: str | None = None, synthesise: bool = False) -> Netlist:
    """Read a netlist from a file, by its suffix.

    ``.v .sv``: structural Verilog. ``.blif``: BLIF. ``.cgp .chr``: a CGP chromosome.
    ``.aag .aig``: AIGER.

    Args:
        path: The file.
        top: Top module of a Verilog or BLIF file, None to find it.
        synthesise: Whether to turn behavioural Verilog into gates with Yosys first.

    Returns:
        The netlist.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder.
        ImportError: If Yosys is needed and not installed.
        NetlistError: If the file cannot be read.
        ValueError: If the suffix is another one, or an argument is not for this format.

    Examples:
        >>> from multipliers import demo_netlist
        >>> print(read_netlist(demo_netlist()))
        mul8s_bam_h0_v8: A[8], B[8] -> O[16], 83 gates
    """
    check_flag("synthesise", synthesise)
    path = check_path("path", path)
    suffix = path.suffix.lower()
    if suffix not in HIERARCHICAL | FLAT:
        refuse_folder(path)
        raise ValueError(
            f"{path}: the suffix must be {listing(HIERARCHICAL | FLAT)}, got {suffix!r}"
        )
    if synthesise and suffix not in (".sv", ".v"):
        raise ValueError(f"{path}: 'synthesise' is for Verilog files")
    if top is not None and suffix not in HIERARCHICAL:
        raise ValueError(f"{path}: 'top' is for Verilog and BLIF files, got {top!r}")
    if synthesise:
        return run_yosys(path, top=top)
    return HIERARCHICAL[suffix](path, top=top) if suffix in HIERARCHICAL else FLAT[suffix](path)


def write_netlist(netlist: Netlist, path: str | Path) -> None:
    """Write a netlist to a file, whole or not at all.

    Args:
        netlist: The circuit.
        path: The file; its suffix names the format: ``.v``, ``.blif``, ``.cgp``, ``.chr``,
            ``.aag`` or ``.aig``.

    Raises:
        OSError: If the file cannot be written; an older one is still as it was.
        ValueError: If the suffix is another one, or the format cannot hold the circuit's names or
            ports.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import array_multiplier
        >>> netlist = array_multiplier(signed=False)
        >>> with TemporaryDirectory() as folder:
        ...     write_netlist(netlist, Path(folder) / "m.blif")
        ...     read_netlist(Path(folder) / "m.blif") == netlist
        True
    """
    check_netlist("netlist", netlist)
    path = check_path("path", path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise ValueError(f"{path}: the suffix must be {listing(WRITERS)}, got {suffix!r}")
    content = WRITERS[suffix](netlist)
    write_whole(path, content if isinstance(content, bytes) else content.encode())


def refuse_folder(path: Path) -> None:
    """Refuse a folder where a file is read.

    Args:
        path: What the caller named.

    Raises:
        IsADirectoryError: If it is a folder.

    Examples:
        >>> refuse_folder(Path("."))
        Traceback (most recent call last):
        IsADirectoryError: .: it is a folder; name a file in it
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path}: it is a folder; name a file in it")


def listing(suffixes: Iterable[str]) -> str:
    """Return suffixes as text.

    Args:
        suffixes: The suffixes.

    Returns:
        The suffixes in order, the last after "or".

    Examples:
        >>> listing([".v", ".npz", ".npy"])
        '.npy, .npz or .v'
    """
    *first, last = sorted(suffixes)
    return f"{', '.join(first)} or {last}" if first else last
