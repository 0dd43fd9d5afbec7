"""Multipliers on disk: Verilog netlists and tables in, tables out."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from multipliers.errors import NetlistError
from multipliers.formats.verilog import read_verilog
from multipliers.multiplier import Multiplier
from multipliers.signedness import Signedness, resolve_signedness

FORMAT_VERSION = 1
"""Version of the `.npz` layout that `save` writes."""

# Kind of each single value beside the table: b truth value, U text.
_KINDS = {"name": "U", "source": "U", "w_signed": "b", "x_signed": "b"}


def load(path: str | Path, *, signed: Signedness = None, top: str | None = None) -> Multiplier:
    """Read a multiplier from a file, by its suffix.

    ``.v``: structural Verilog, simulated exhaustively; the first input port takes the activation.
    ``.npz``: what `save` wrote. ``.npy``: a table of integers `(256, 256)`, row = code of the
    first operand.

    Args:
        path: The file.
        signed: Whether the operands are in two's complement, one answer for both or a pair. None
            takes it from the module's or the file's name (``mul8s_...``, ``mul8u_...``); an
            ``.npz`` states it itself and a ``.npy`` must be given it.
        top: Top module of a Verilog file, None to find it.

    Returns:
        The multiplier.

    Raises:
        FileNotFoundError: If there is no such file.
        NetlistError: If a Verilog file cannot be read.
        NotImplementedError: If a circuit is no 8x8-bit multiplier.
        TypeError: If `signed` is not a bool, a pair of them or None, or a table has no integers.
        ValueError: If the suffix is another one, the signedness is stated nowhere or twice, or a
            table's file is damaged or foreign.

    Examples:
        >>> from multipliers import demo_netlist
        >>> print(load(demo_netlist()))
        mul8s_bam_h0_v7: signed 8-bit (-128..127) x signed 8-bit (-128..127)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".v", ".npz", ".npy"):
        raise ValueError(f"{path}: the suffix must be .v, .npz or .npy, got {suffix!r}")
    if top is not None and suffix != ".v":
        raise ValueError(f"{path}: 'top' is for Verilog files, got {top!r}")
    if suffix == ".v":
        return _load_verilog(path, signed, top)
    if suffix == ".npy":
        return _load_npy(path, signed)
    if signed is not None:
        raise ValueError(f"{path}: the file states its signedness, leave out 'signed'")
    return _load_npz(path)


def save(multiplier: Multiplier, path: str | Path) -> None:
    """Write a multiplier to a file, whole or not at all.

    Args:
        multiplier: The multiplier.
        path: ``.npz`` for table, ports, name and source; ``.npy`` for the table alone.

    Raises:
        OSError: If the file cannot be written; an older one is still as it was.
        ValueError: If the suffix is another one.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import truncated_multiplier
        >>> multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
        >>> with TemporaryDirectory() as folder:
        ...     save(multiplier, Path(folder) / "tm2.npz")
        ...     load(Path(folder) / "tm2.npz") == multiplier
        True
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        raise ValueError(f"{path}: the suffix must be .npz or .npy, got {suffix!r}")
    # Beside the target, so that the last step is one rename within a file system.
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            _write(multiplier, file, suffix)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(multiplier: Multiplier, file: BinaryIO, suffix: str) -> None:
    if suffix == ".npy":
        np.save(file, multiplier.lut, allow_pickle=False)
        return
    np.savez_compressed(
        file,
        format_version=np.int64(FORMAT_VERSION),
        lut=multiplier.lut,
        name=np.str_(multiplier.name),
        x_signed=np.bool_(multiplier.x_port.signed),
        w_signed=np.bool_(multiplier.w_port.signed),
        source=np.str_(multiplier.source),
    )


def _load_verilog(path: Path, signed: Signedness, top: str | None) -> Multiplier:
    netlist = read_verilog(path, top=top)
    try:
        return Multiplier.from_netlist(
            netlist, signed=resolve_signedness(signed, netlist.name, path.stem)
        )
    except NotImplementedError as error:
        raise NotImplementedError(f"{path}: {error}") from None
    except ValueError as error:
        raise NetlistError(str(error), file=str(path)) from None


def _load_npy(path: Path, signed: Signedness) -> Multiplier:
    if signed is None:
        raise ValueError(
            f"{path}: a .npy table does not state whether the operands are signed; "
            "pass signed=True, signed=False or a pair such as signed=(False, True)"
        )
    x_signed, w_signed = resolve_signedness(signed)
    arrays = _read_arrays(path)
    if list(arrays) != [""]:
        raise ValueError(f"{path}: not a .npy file, but an archive of several arrays")
    return _from_table(
        path, arrays[""], name=path.stem, x_signed=x_signed, w_signed=w_signed, source=str(path)
    )


def _load_npz(path: Path) -> Multiplier:
    fields = _read_arrays(path)
    version = fields.get("format_version")
    if version is None or version.shape or not np.issubdtype(version.dtype, np.integer):
        raise ValueError(f"{path}: not a multiplier, there is no format version")
    if int(version) != FORMAT_VERSION:
        raise ValueError(
            f"{path}: the format version must be {FORMAT_VERSION}, got {int(version)}; "
            "a newer version of this package may read it"
        )
    if missing := sorted({"lut", *_KINDS} - set(fields)):
        raise ValueError(f"{path}: not a multiplier, there is no {', '.join(missing)}")
    for name, kind in _KINDS.items():
        value = fields[name]
        if value.shape or value.dtype.kind != kind:
            raise ValueError(
                f"{path}: '{name}' must be one value of kind '{kind}', got {value.dtype}"
            )
    return _from_table(
        path,
        fields["lut"],
        name=str(fields["name"]),
        x_signed=bool(fields["x_signed"]),
        w_signed=bool(fields["w_signed"]),
        source=str(fields["source"]),
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an `.npz` by name, or the array of an `.npy` under the empty name."""
    with path.open("rb") as file:
        try:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"": content}
            return {name: content[name] for name in content.files}
        except (
            ValueError,
            EOFError,
            OSError,
            RuntimeError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(
                f"{path}: not a {path.suffix} file, or a damaged one: {error}"
            ) from None


def _from_table(path: Path, table: Any, **fields: Any) -> Multiplier:
    try:
        return Multiplier.from_lut(table, **fields)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None
