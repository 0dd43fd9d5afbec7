"""The package's own library: multipliers of every family under systematic names.

A name states width, signedness, family and parameters, as ``mul8u_drum4`` or
``mul8s_bam_h0_v7``. A name without the first part, ``drum4``, is short for the unsigned 8-bit
multiplier. Nothing is built before it is asked for, and nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from multipliers.families.arrays_and_trees import (
    ARRAY,
    ARRAY_LOA,
    DADDA,
    DADDA_LOA,
    MOMENI,
    WALLACE,
    WALLACE_LOA,
)
from multipliers.families.bam import BAM
from multipliers.families.ct import CT
from multipliers.families.drum import DRUM
from multipliers.families.essm import ESSM
from multipliers.families.family import Family, SignedForm
from multipliers.families.ilm import ILM
from multipliers.families.mbm import MBM
from multipliers.families.mitchell import MITCHELL
from multipliers.families.ppp import PPP
from multipliers.families.roba import ROBA
from multipliers.families.ssm import SSM
from multipliers.families.tm import TM
from multipliers.families.tosam import TOSAM
from multipliers.families.udm import UDM
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist import Netlist
from multipliers.parameters import check_kind, check_parameter
from multipliers.ports import Port

FAMILIES = MappingProxyType(
    {
        family.key: family
        for family in (
            UDM,
            DRUM,
            MITCHELL,
            ILM,
            MBM,
            PPP,
            BAM,
            CT,
            TM,
            ROBA,
            SSM,
            ESSM,
            TOSAM,
            ARRAY,
            DADDA,
            WALLACE,
            ARRAY_LOA,
            DADDA_LOA,
            WALLACE_LOA,
            MOMENI,
        )
    }
)
"""Every family by its key, in the order of the catalogue."""

_LEAST_WIDTH, _GREATEST_WIDTH = 2, 8
_NAME = re.compile(r"mul(\d+)[su]_.")
_SHORT_FORM = "mul8u_"
_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the catalogue states about a multiplier without building it.

    Args:
        name: Systematic name, ``"mul8s_drum4"``.
        family: Key of its family, ``"drum"``.
        arguments: Names and values of its parameters.
        width: Width of both operands in bits.
        signed: Whether both operands are signed.
        signed_form: How signs are treated, None for an unsigned multiplier.
        definition: The family's definition in one line.
        citation: Author, title, venue, year.
        has_netlist: Whether `get_netlist` gives its gate netlist.

    Examples:
        >>> print(info("mul8s_drum4"))
        mul8s_drum4: k bits from the leading one, the last of them set; exact below
    """

    name: str
    family: str
    arguments: tuple[tuple[str, int], ...]
    width: int
    signed: bool
    signed_form: SignedForm | None
    definition: str
    citation: str
    has_netlist: bool

    @property
    def parameters(self) -> dict[str, int]:
        """Its parameters by name."""
        return dict(self.arguments)

    def __str__(self) -> str:
        return f"{self.name}: {self.definition}"


def names(*, family: str | None = None, width: int = 8) -> tuple[str, ...]:
    """Return the names of the package's own multipliers.

    Args:
        family: Key of the only family wanted, ``"drum"``; None for all.
        width: Width of both operands in bits, 2 to 8. Families and circuits themselves go further,
            `multipliers.families` to 16 bits.

    Returns:
        Names that `get`, `get_netlist` and `info` take, the unsigned ones of a family first.

    Raises:
        TypeError: If `width` is not an int.
        ValueError: If it is not from 2 to 8.
        LookupError: If there is no such family.

    Examples:
        >>> names(family="ilm", width=3)
        ('mul3u_ilm0', 'mul3u_ilm1', 'mul3s_ilm0', 'mul3s_ilm1')
    """
    width = check_parameter("width", width, _LEAST_WIDTH, _GREATEST_WIDTH)
    check_kind("family", family, str | None)
    if family is not None and family not in FAMILIES:
        raise LookupError(
            f"no family is called {family!r}{_suggest(family, list(FAMILIES))}; "
            f"there are {', '.join(FAMILIES)}"
        )
    return tuple(
        entry.name for entry in _entries(width).values() if family is None or entry.family == family
    )


def info(name: str) -> CatalogueEntry:
    """Return what the catalogue states about a multiplier, without building it.

    Args:
        name: One of `names`; without ``mul8u_`` it is the unsigned 8-bit multiplier.

    Returns:
        The entry.

    Raises:
        TypeError: If `name` is not a string.
        LookupError: If there is no such multiplier; names the nearest.

    Examples:
        >>> entry = info("bam_h0_v7")
        >>> entry.name, entry.parameters, entry.has_netlist
        ('mul8u_bam_h0_v7', {'h': 0, 'v': 7}, True)
    """
    if not isinstance(name, str):
        raise TypeError(f"'name' must be a str, got {type(name).__name__}")
    match = _NAME.match(name)
    full = name if match else _SHORT_FORM + name
    width = int(match[1]) if match else 8
    if not _LEAST_WIDTH <= width <= _GREATEST_WIDTH:
        raise LookupError(
            f"the catalogue has widths from {_LEAST_WIDTH} to {_GREATEST_WIDTH}, got {name!r}; "
            "the functions of multipliers.families and multipliers.circuits take wider operands"
        )
    entries = _entries(width)
    if full not in entries:
        known = list(entries) if match else [known.partition("_")[2] for known in entries]
        nearest = _suggest(name, list(dict.fromkeys(known)))
        raise LookupError(
            f"no multiplier is called {name!r}{nearest}; names() lists them all, as does the "
            "command torchapprox library"
        )
    return entries[full]


def get(name: str) -> Multiplier:
    """Return one of the package's own multipliers.

    Args:
        name: One of `names`; without ``mul8u_`` it is the unsigned 8-bit multiplier.

    Returns:
        The multiplier, from its closed form where the family has one, else from its netlist.

    Raises:
        TypeError: If `name` is not a string.
        LookupError: If there is no such multiplier; names the nearest.

    Examples:
        >>> multiplier = get("drum4")
        >>> print(multiplier)
        mul8u_drum4: unsigned 8-bit (0..255) x unsigned 8-bit (0..255)
        >>> int(multiplier.lut[200, 3])
        624
        >>> multiplier.source
        'multipliers.families.drum(k=4, sign_magnitude=False, width=8)'
    """
    return _multiplier(info(name))


def get_netlist(name: str) -> Netlist:
    """Return the gate netlist of one of the package's own multipliers.

    Args:
        name: One of `names` whose `info` says that it has a netlist; without ``mul8u_`` it is the
            unsigned 8-bit multiplier.

    Returns:
        The circuit, of the same name, with the ports A, B and O.

    Raises:
        TypeError: If `name` is not a string.
        LookupError: If there is no such multiplier, or it has no netlist.

    Examples:
        >>> print(get_netlist("mul8s_bam_h0_v7"))
        mul8s_bam_h0_v7: A[8], B[8] -> O[16], 107 gates
    """
    entry = info(name)
    if not entry.has_netlist:
        raise LookupError(
            f"{entry.name!r} is a closed form without a netlist; get({name!r}) gives its table"
        )
    return _netlist(entry)


@cache
def _entries(width: int) -> dict[str, CatalogueEntry]:
    """Return all entries of a width by name."""
    entries = [
        CatalogueEntry(
            name=f"mul{width}{'s' if signed else 'u'}_{family.template.format(**parameters)}",
            family=family.key,
            arguments=tuple(parameters.items()),
            width=width,
            signed=signed,
            signed_form=family.signed_form if signed else None,
            definition=family.definition,
            citation=family.citation,
            has_netlist=family.has_circuit(signed=signed),
        )
        for family in FAMILIES.values()
        for signed in (False, True)
        for parameters in family.parameters(width)
    ]
    return {entry.name: entry for entry in entries}


@cache
def _multiplier(entry: CatalogueEntry) -> Multiplier:
    family = FAMILIES[entry.family]
    if family.function is None:
        return Multiplier.from_netlist(_netlist(entry), signed=entry.signed)
    arguments = entry.parameters | {family.sign_argument: entry.signed, "width": entry.width}
    port = Port(entry.width, entry.signed)
    return Multiplier.from_function(
        partial(family.function, **arguments),
        name=entry.name,
        x_port=port,
        w_port=port,
        source=_source(family, arguments),
    )


@cache
def _netlist(entry: CatalogueEntry) -> Netlist:
    circuit = FAMILIES[entry.family].circuit
    if circuit is None:
        raise LookupError(f"{entry.name!r} has no netlist")
    return circuit(**entry.parameters, signed=entry.signed, width=entry.width)


def _source(family: Family, arguments: dict[str, Any]) -> str:
    """Return the call that the closed form's products come from."""
    function: Callable[..., Any] | None = family.function
    if isinstance(function, partial):
        arguments = function.keywords | arguments
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"multipliers.families.{family.key}({call})"


def _suggest(name: str, known: list[str]) -> str:
    longer = [other for other in known if name and other.startswith(name)]
    nearest = longer[:_SUGGESTIONS] or get_close_matches(name, known, n=_SUGGESTIONS)
    return f" (did you mean {' or '.join(map(repr, nearest))}?)" if nearest else ""
