"""A multiplier that the user names: a file, or one of the package's own library."""

from __future__ import annotations

from pathlib import Path

from multipliers import Multiplier, Netlist, get, get_netlist, info, load, read_netlist
from multipliers.formats.netlist_files import FLAT, HIERARCHICAL


def named_multiplier(text: str) -> tuple[Multiplier, Netlist | None]:
    """Return a multiplier by the name of a file or of the package's own library, and its gates.

    Examples:
        >>> multiplier, netlist = named_multiplier("drum4")
        >>> multiplier.name, netlist
        ('mul8u_drum4', None)
    """
    path = Path(text)
    if path.suffix or path.exists():
        has_gates = path.suffix.lower() in HIERARCHICAL.keys() | FLAT.keys()
        return load(path), read_netlist(path) if has_gates else None
    return get(text), get_netlist(text) if info(text).has_netlist else None
