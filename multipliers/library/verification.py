"""Published figures of a library against those of the circuits in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from multipliers.characterisation.characterise import ErrorFigures, characterise
from multipliers.characterisation.function_figures import characterise_function
from multipliers.library.figures import PublishedFigures
from multipliers.library.library import LibraryEntry
from multipliers.multiplier import Multiplier
from multipliers.netlists.netlist_function import netlist_function
from multipliers.ports import Port

UNITS_OF_LAST_DIGIT = 1.1
"""By how many units of its last printed digit a figure may differ; rounded or truncated."""

_VERIFIED = {
    "mae", "mae_percent", "wce", "wce_percent", "wcre_percent", "error_rate_percent",
    "mred_percent", "mse",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VerifiedFigure:
    """A published figure beside the one of the circuit.

    Args:
        figure: Name of the field of `PublishedFigures`.
        published: What the library prints.
        computed: What the circuit has over all operand pairs.
        ok: Whether they agree.
    """

    figure: str
    published: float
    computed: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """The figures of one circuit.

    Args:
        entry: The circuit.
        figures: One row a published figure that can be computed.
        problem: Why there are none, empty if there is no reason.
        skipped: Whether the circuit is one that is not verified: too wide, or without figures.
    """

    entry: LibraryEntry
    figures: tuple[VerifiedFigure, ...] = ()
    problem: str = ""
    skipped: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; a circuit that is not verified is not wrong."""
        return all(row.ok for row in self.figures) and (self.skipped or not self.problem)


def verify(entries: Iterable[LibraryEntry], *, widest: int = 8) -> Iterator[Verification]:
    r"""Compute the figures of circuits and compare them with the published ones.

    The worst-case error must be the published one exactly if it is printed to the last digit; every
    other figure may differ by 1.1 units of its last printed digit. A circuit that cannot be read
    has a `problem`, and does not stop the iteration.

    Args:
        entries: A `Library`, or some of its circuits.
        widest: Width in bits of the widest operand that is verified, 8 to 12; wider circuits are
            skipped. One of 8 bits takes milliseconds, one of 12 bits a few seconds.

    Yields:
        One verification a circuit, in order, each when it is done.

    Raises:
        ValueError: If `widest` is not from 8 to 12.

    Examples:
        >>> from pathlib import Path
        >>> from multipliers import demo_netlist
        >>> from multipliers.library import LibraryKey, parse_figures
        >>> entry = LibraryEntry(LibraryKey("v1", "mul8s_bam_h0_v8"), True, (demo_netlist(),),
        ...                      parse_figures("// WCE = 1537\n// MSE = 1.0\nmodule m;"))
        >>> [(row.figure, row.computed, row.ok) for row in next(verify([entry])).figures]
        [('wce', 1537.0, True), ('mse', 156846.25, False)]
    """
    if not 8 <= widest <= 12:
        raise ValueError(f"'widest' must be from 8 to 12, got {widest}")
    return (_verify(entry, widest) for entry in entries)


def compare(multiplier: Multiplier, published: PublishedFigures) -> tuple[VerifiedFigure, ...]:
    """Compare the figures of a multiplier with published ones; see `verify`.

    Args:
        multiplier: The multiplier.
        published: What a library prints.

    Returns:
        One row a published figure of the error; power, area and delay cannot be computed.

    Examples:
        >>> from multipliers import Multiplier, exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True))
        >>> compare(exact, PublishedFigures(wce=0.0))
        (VerifiedFigure(figure='wce', published=0.0, computed=0.0, ok=True),)
    """
    figures = characterise(multiplier, mred=published.mred_convention)
    wcre = figures.wcre
    if published.mred_convention == "max-one":
        wcre = float((np.abs(multiplier.error) / np.maximum(1, np.abs(multiplier.exact))).max())
    return _rows(published, figures, wcre)


def _rows(
    published: PublishedFigures, figures: ErrorFigures, wcre: float
) -> tuple[VerifiedFigure, ...]:
    """Compare figures in the units in which they are published."""
    computed = {
        "mae": figures.mae,
        "mae_percent": 100 * figures.nmed,
        "wce": float(figures.wce),
        "wce_percent": 100 * figures.nwce,
        "wcre_percent": 100 * wcre,
        "error_rate_percent": 100 * figures.error_rate,
        "mred_percent": 100 * figures.mred,
        "mse": figures.mse,
    }
    digits = dict(published.last_digits)
    rows = []
    for name in published.present:
        if name in computed:
            value: float = getattr(published, name)
            digit = digits.get(name, 1.0)
            exactly = name == "wce" and digit <= 1.0
            tolerance = 0.0 if exactly else UNITS_OF_LAST_DIGIT * digit
            ok = abs(value - computed[name]) <= tolerance
            rows.append(VerifiedFigure(name, value, computed[name], ok))
    return tuple(rows)


def _verify(entry: LibraryEntry, widest: int) -> Verification:
    published = entry.figures
    if not set(published.present) & _VERIFIED:
        return Verification(entry, problem="no figures of its error are published", skipped=True)
    try:
        netlist = entry.read()
        widths = [bus.width for bus in netlist.inputs]
        if max(widths, default=0) > widest:
            problem = f"multipliers of more than {widest} bits are not verified"
            return Verification(entry, problem=problem, skipped=True)
        if max(widths, default=0) <= 8:
            multiplier = Multiplier.from_netlist(netlist, signed=entry.signed)
            return Verification(entry, compare(multiplier, published))
        function = netlist_function(netlist, signed=entry.signed)
        ports = [Port(width, entry.signed) for width in widths]
        found = characterise_function(function, *ports, mred=published.mred_convention).figures
    except (NotImplementedError, OSError, ValueError) as error:
        return Verification(entry, problem=str(error))
    return Verification(entry, _rows(published, found, found.wcre))
