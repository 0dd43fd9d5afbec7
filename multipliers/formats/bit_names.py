"""Ports put together from single bits, for the formats that know nothing wider than a bit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INDEXED = re.compile(r"(?P<name>.+)[\[(<](?P<index>\d{1,9})[\])>]")
_NUMBERED = re.compile(r"(?P<name>.+)_(?P<index>\d{1,9})_?")
_APPENDED = re.compile(r"(?P<name>.*\D)(?P<index>\d{1,9})")


@dataclass(frozen=True, slots=True)
class PortBits:
    """A port and its bits among the bits of a file.

    Args:
        name: Name of the port.
        positions: Position of each bit in the file's list, the least significant bit first.
    """

    name: str
    positions: tuple[int, ...]


def group_bits(names: Sequence[str]) -> tuple[PortBits, ...]:
    """Put the bits of a list together to ports, by their names.

    ``a[0] a[1] ...``, also in round or angle brackets, is a port; so is ``a_0 a_1 ...`` or
    ``a0 a1 ...`` if there are several, numbered from 0. Every other name is a port of one bit.

    Args:
        names: Names of the bits, in any order of their indices.

    Returns:
        The ports in the order of their first bits.

    Raises:
        ValueError: If a name occurs twice, or the bits of a port in brackets have gaps.

    Examples:
        >>> group_bits(["a[1]", "a[0]", "b_0", "b_1", "carry"])
        (PortBits(name='a', positions=(1, 0)), PortBits(name='b', positions=(2, 3)),
         PortBits(name='carry', positions=(4,)))
    """
    groups: dict[tuple[str, bool], dict[int, int]] = {}
    for position, name in enumerate(names):
        match = next(
            (match for rule in (_INDEXED, _NUMBERED, _APPENDED) if (match := rule.fullmatch(name))),
            None,
        )
        key = (name, False) if match is None else (match["name"], match.re is _INDEXED)
        index = 0 if match is None else int(match["index"])
        if groups.setdefault(key, {}).setdefault(index, position) != position:
            raise ValueError(f"bit {index} of port '{key[0]}' is declared twice")
    ports = []
    for (base, indexed), bits in groups.items():
        indices = sorted(bits)
        whole = indices[-1] - indices[0] + 1 == len(bits)
        if indexed and not whole:
            raise ValueError(f"the bits of port '{base}' have gaps: {_some(indices)}")
        if indexed or (whole and indices[0] == 0 and len(bits) > 1):
            ports.append(PortBits(base, tuple(bits[index] for index in indices)))
        else:
            ports += [PortBits(names[position], (position,)) for position in bits.values()]
    found: set[str] = set()
    for port in ports:
        if port.name in found:
            raise ValueError(f"port '{port.name}' is declared twice")
        found.add(port.name)
    return tuple(sorted(ports, key=lambda port: min(port.positions)))


def halves(count: int) -> tuple[int, int]:
    """Return the widths of two operands of equal width.

    Args:
        count: Number of input bits.

    Returns:
        Half of it, twice.

    Raises:
        ValueError: If `count` is odd or less than 2.

    Examples:
        >>> halves(16)
        (8, 8)
    """
    if count < 2 or count % 2:
        raise ValueError(f"{count} input bits are no two operands of equal width")
    return count // 2, count // 2


def _some(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:8]))
    return shown + (", ..." if len(indices) > 8 else "")
