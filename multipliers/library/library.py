"""A user's checkout of EvoApproxLib or evoapprox8b: every multiplier with its published figures."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from multipliers.bounded_file import read_bytes, read_text
from multipliers.bounded_json import read_json
from multipliers.formats.verilog import read_verilog
from multipliers.library.figures import (
    PublishedFigures,
    merge_figures,
    meta_figures,
    parse_figures,
)
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist import Netlist
from multipliers.netlists.netlist_error import NetlistError
from multipliers.parameters import check_path
from multipliers.signedness import folder_signedness

_FILE = re.compile(r"(?P<name>mul\d+(?:x\d+)?(?P<sign>[su]?)_\w+?)(?P<mapped>_pdk45|_gen)?\.v")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_EVOAPPROX8B = re.compile(r"^//\s*Library\s*=\s*EvoApprox8b\s*$", re.MULTILINE)
_VERSION = re.compile(r"(?:^|[^a-z0-9])v?(1(?:\.\d+)?|2022)(?:$|[^a-z0-9.])", re.IGNORECASE)
_MOST_BYTES = 1 << 24


class LibraryKey(NamedTuple):
    """What identifies a circuit: the same name is another circuit in another version."""

    version: str
    name: str


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """A circuit of a library.

    Args:
        key: Version of the library and name of the circuit.
        signed: Whether the operands are in two's complement.
        paths: Its files, of equal content.
        figures: What the library publishes about it.
    """

    key: LibraryKey
    signed: bool
    paths: tuple[Path, ...]
    figures: PublishedFigures

    @property
    def name(self) -> str:
        """Name of the circuit."""
        return self.key.name

    def read(self) -> Netlist:
        """Return the netlist.

        Raises:
            NetlistError: If the file cannot be read.
        """
        return read_verilog(self.paths[0])

    def load(self) -> Multiplier:
        """Return the multiplier.

        Raises:
            NetlistError: If the file cannot be read.
            NotImplementedError: If an operand has not 2 to 8 bits.
        """
        return Multiplier.from_netlist(self.read(), signed=self.signed)


@dataclass(frozen=True, slots=True)
class Library:
    """The multipliers of a checkout.

    Args:
        root: Folder of the checkout.
        version: Version of the library, such as ``"evoapproxlib-v2022"``.
        entries: The circuits, by name.
    """

    root: Path
    version: str
    entries: tuple[LibraryEntry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[LibraryEntry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> LibraryEntry:
        """Return a circuit by its name.

        Raises:
            LookupError: If there is none of this name.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        nearest = difflib.get_close_matches(name, [entry.name for entry in self.entries])
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        raise LookupError(f"{self.version} has no multiplier {name!r}{hint}")


def read_library(path: str | Path, *, version: str | None = None) -> Library:
    r"""Find the multipliers of a checkout, without simulating them.

    A circuit is a file ``mul<W>[x<W>][s|u]_NAME.v`` in any folder but those of adders, as in
    ``multiplers/8x8_signed/pareto_pwr_mae/mul8s_1KV8.v`` or ``multipliers_8/mul8_001.v``. Files
    ``NAME_pdk45.v`` and ``NAME_gen.v`` are the same circuit mapped to cells; they are taken where
    there is no ``NAME.v``. The same circuit in several folders is one entry. Figures come from the
    file's header, and from ``meta.json`` where the header lacks one.

    Args:
        path: Folder of the checkout, or one below it.
        version: Version of EvoApproxLib, such as ``"v1"`` or ``"v2022"``, which no file in it
            states; None takes it from the folder's name (``evoapproxlib-v2022``).

    Returns:
        The library.

    Raises:
        NotADirectoryError: If there is no such folder.
        NetlistError: If a file is too large or not UTF-8.
        ValueError: If there is no multiplier, the version is stated nowhere, a file's name and
            folder contradict each other about the signedness or state none, or two files of one
            name are different circuits or publish different figures.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from multipliers import array_multiplier, to_verilog
        >>> with TemporaryDirectory() as folder:
        ...     below = Path(folder) / "multiplers" / "8x8_signed" / "pareto_pwr_mae"
        ...     below.mkdir(parents=True)
        ...     text = "// WCE = 0\n" + to_verilog(array_multiplier(signed=True))
        ...     _ = (below / "mul8s_array.v").write_text(text)
        ...     library = read_library(folder, version="v2022")
        >>> library["mul8s_array"].key, library["mul8s_array"].figures.present
        (LibraryKey(version='evoapproxlib-v2022', name='mul8s_array'), ('wce',))
    """
    root = check_path("path", path)
    if not root.is_dir():
        raise NotADirectoryError(f"there is no folder {root}")
    found: dict[str, _Found] = {}
    for file, match in _files(root):
        text = read_text(file, most=_MOST_BYTES)
        circuit = _Found(
            _signed(file, match, text),
            (file,),
            parse_figures(text),
            " ".join(_COMMENT.sub(" ", text).split()),
            bool(_EVOAPPROX8B.search(text)),
        )
        earlier = found.setdefault(match["name"], circuit)
        if earlier is not circuit:
            found[match["name"]] = earlier.joined(circuit)
    if not found:
        raise ValueError(f"{root}: there is no multiplier, a file such as mul8s_NAME.v, in it")
    stated = _version(root, version, all(circuit.is_evoapprox8b for circuit in found.values()))
    meta = _read_meta(root)
    entries = (
        LibraryEntry(
            LibraryKey(stated, name),
            circuit.signed,
            circuit.paths,
            merge_figures(circuit.figures, meta.get(name, PublishedFigures())),
        )
        for name, circuit in sorted(found.items())
    )
    return Library(root, stated, tuple(entries))


@dataclass(frozen=True, slots=True)
class _Found:
    """A circuit's files, with their code without comments."""

    signed: bool
    paths: tuple[Path, ...]
    figures: PublishedFigures
    code: str
    is_evoapprox8b: bool

    def joined(self, other: _Found) -> _Found:
        """Return the circuit with one more file of the same content."""
        files = f"{self.paths[0]} and {other.paths[0]}"
        if (self.code, self.signed) != (other.code, other.signed):
            raise ValueError(f"{files} have one name, but are different circuits")
        if self.figures != other.figures:
            raise ValueError(f"{files} are one circuit, but publish different figures")
        paths = (*self.paths, *other.paths)
        return _Found(self.signed, paths, self.figures, self.code, self.is_evoapprox8b)


def _files(root: Path) -> list[tuple[Path, re.Match[str]]]:
    """Return the files of multipliers, mapped ones only where there are no others."""
    files = [
        (file, match)
        for file in sorted(root.rglob("*.v"))
        if (match := _FILE.fullmatch(file.name)) and file.is_file()
    ]
    kinds: dict[str, set[str | None]] = {}
    for _, match in files:
        kinds.setdefault(match["name"], set()).add(match["mapped"])
    best = {
        name: next(kind for kind in (None, "_gen", "_pdk45") if kind in found)
        for name, found in kinds.items()
    }
    return [(file, match) for file, match in files if match["mapped"] == best[match["name"]]]


def _signed(file: Path, match: re.Match[str], text: str) -> bool:
    """Return what the file's name, its folders and its header state."""
    stated = {match["sign"] == "s"} if match["sign"] else set()
    stated |= {flag for _, flag in folder_signedness(file.parent)}
    if not stated and _EVOAPPROX8B.search(text):
        return False  # a library of unsigned circuits
    if len(stated) != 1:
        problem = "contradict each other" if stated else "do not state"
        raise ValueError(f"{file}: name and folder {problem} whether the operands are signed")
    return stated.pop()


def _version(root: Path, version: str | None, is_evoapprox8b: bool) -> str:
    """Return the library with its version."""
    if is_evoapprox8b:
        return "evoapprox8b"
    match = _VERSION.search(root.resolve().name)
    stated = version or (match and match[1])
    if not stated:
        raise ValueError(
            f"{root}: no file states the version of EvoApproxLib, and a name may be another "
            "circuit in another version; pass version='v1' or version='v2022' "
            "(--library-version on the command line)"
        )
    return f"evoapproxlib-v{stated.removeprefix('v')}"


def _read_meta(root: Path) -> dict[str, PublishedFigures]:
    """Return the figures of `meta.json` by the circuit's name."""
    file = root / "meta.json"
    if not file.is_file():
        return {}
    try:
        content = read_json(read_bytes(file, most=_MOST_BYTES))
    except NetlistError:
        raise
    except ValueError as error:
        raise NetlistError(f"no JSON: {error}", file=str(file)) from None
    figures: dict[str, PublishedFigures] = {}
    pending = [content]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            name, parameters = item.get("name"), item.get("params")
            if isinstance(name, str) and isinstance(parameters, dict):
                figures[name] = meta_figures(parameters)
            pending += item.values()
    return figures
