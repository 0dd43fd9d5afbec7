"""Multipliers that the user names: files, folders of files, names of the package's own library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.characterisation.data_sheet import UNIFORM, Conditions, DataSheet, data_sheet
from multipliers import Multiplier, Netlist, get, get_netlist, info, load, read_netlist
from multipliers.characterisation.function_figures import Progress
from multipliers.formats.files import netlist_signedness
from multipliers.formats.netlist_files import FLAT, HIERARCHICAL
from multipliers.formats.table_layout import Order
from multipliers.parameters import check_kind
from multipliers.signedness import Signedness

NETLIST_SUFFIXES = frozenset(HIERARCHICAL | FLAT)
_IN_FOLDERS = NETLIST_SUFFIXES | {".npz"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user states about files, as `multipliers.load` takes it."""

    signed: Signedness = None
    top: str | None = None
    order: Order | None = None
    synthesise: bool = False


AS_STATED = Reading()
"""Nothing: the files state everything."""


def expand_sources(words: Iterable[str]) -> list[str]:
    """Return the words with each folder replaced by the netlists and ``.npz`` tables in it.

    Args:
        words: Files, folders and names.

    Returns:
        Files and names; those of a folder, and of the folders below it, in order.

    Raises:
        FileNotFoundError: If a folder has no such file.

    Examples:
        >>> expand_sources(["drum4", "multiplier.v"])
        ['drum4', 'multiplier.v']
    """
    check_kind("words", words, Iterable)
    sources: list[str] = []
    for word in words:
        check_kind("words", word, str)
        folder = Path(word)
        if not folder.is_dir():
            sources.append(word)
            continue
        files = [str(file) for file in sorted(folder.rglob("*")) if _is_multiplier(file)]
        if not files:
            raise FileNotFoundError(f"{folder}: there is no netlist or .npz table in this folder")
        sources += files
    return sources


def source_sheet(
    source: str,
    *,
    reading: Reading = AS_STATED,
    conditions: Conditions = UNIFORM,
    progress: Progress | None = None,
) -> DataSheet:
    """Return the data sheet of a file, or of one of the package's own multipliers.

    Args:
        source: A file's name has a suffix, the name of one of `multipliers.names` has none.
        reading: What the user states about the file.
        conditions: What the figures hold for.
        progress: Called with the numbers of operand pairs done and of all, for a netlist too wide
            for a table.

    Returns:
        The data sheet, with the cost where the gates are known.

    Raises:
        ImportError: If Yosys is needed and not installed.
        LookupError: If there is no multiplier of that name, or the user's cell table lacks a cell.
        NotImplementedError: If the circuit is no multiplier.
        OSError: If the file cannot be read.
        TypeError: If a table has no integers.
        ValueError: If the file cannot be understood, or the conditions do not fit it.

    Examples:
        >>> sheet = source_sheet("mul8s_bam_h0_v8")
        >>> sheet.name, sheet.cost.live_gates
        ('mul8s_bam_h0_v8', 83)
    """
    path = Path(source)
    if not path.suffix and not path.exists():
        gates = get_netlist(source) if info(source).has_netlist else None
        return data_sheet(get(source), netlist=gates, conditions=conditions)
    if path.suffix.lower() not in NETLIST_SUFFIXES:
        table = load(
            path,
            signed=reading.signed,
            top=reading.top,
            order=reading.order,
            synthesise=reading.synthesise,
        )
        return data_sheet(table, conditions=conditions)
    if reading.order is not None:
        raise ValueError(f"{path}: 'order' is for tables, got {reading.order!r}")
    netlist = read_netlist(path, top=reading.top, synthesise=reading.synthesise)
    try:
        signed = netlist_signedness(netlist, path, reading.signed)
        return data_sheet(netlist, signed=signed, conditions=conditions, progress=progress)
    except (LookupError, NotImplementedError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def source_multiplier(
    source: str, *, reading: Reading = AS_STATED
) -> tuple[Multiplier, Netlist | None]:
    """Return the product table of a file or of one of the package's own multipliers, and its gates.

    Args:
        source: As `source_sheet`.
        reading: What the user states about the file.

    Returns:
        The multiplier, and its netlist where the gates are known.

    Raises:
        LookupError: If there is no multiplier of that name.
        NotImplementedError: If it has no table, because it is wider than 8 bits.
        OSError: If the file cannot be read.
        ValueError: If the file cannot be understood.

    Examples:
        >>> multiplier, netlist = source_multiplier("mul8s_bam_h0_v8")
        >>> multiplier.name, netlist is None
        ('mul8s_bam_h0_v8', False)
    """
    path = Path(source)
    if not path.suffix and not path.exists():
        return get(source), get_netlist(source) if info(source).has_netlist else None
    return file_multiplier(path, reading=reading)


def file_multiplier(
    path: Path, *, reading: Reading = AS_STATED
) -> tuple[Multiplier, Netlist | None]:
    """Return the product table of a file and its gates; as `source_multiplier`.

    Examples:
        >>> from multipliers import demo_netlist
        >>> multiplier, netlist = file_multiplier(demo_netlist())
        >>> multiplier.name, netlist is None
        ('mul8s_bam_h0_v8', False)
    """
    multiplier = load(path, **asdict(reading))
    if path.suffix.lower() not in NETLIST_SUFFIXES:
        return multiplier, None
    return multiplier, read_netlist(path, top=reading.top, synthesise=reading.synthesise)


def _is_multiplier(file: Path) -> bool:
    return file.suffix.lower() in _IN_FOLDERS and file.is_file()
