"""What the catalogue knows of a family of multipliers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from multipliers.netlists.netlist import Netlist

SignedForm = Literal["two's complement", "sign-magnitude"]
"""How a family's signed version treats signs: two's complement partial products, or the unsigned
multiplier applied to the magnitudes."""

Parameters = dict[str, int]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of multipliers: its closed form, its circuit, or both.

    Args:
        key: Short name, ``"drum"``.
        title: Name and parameters as the literature writes them, ``"DRUM(k)"``.
        definition: The product in one line.
        domain: Parameters that are allowed, with n for the width; empty without parameters.
        template: Name of one multiplier with its parameters in braces, ``"drum{k}"``.
        signed_form: How the signed version treats signs.
        citation: Author, title, venue, year.
        parameters: Gives the catalogue's parameters for a width.
        function: Closed form ``f(x, w, **parameters, width=...)``, which takes the signed version
            as ``signed=True`` or ``sign_magnitude=True`` by `signed_form`; None without one.
        circuit: Generator ``g(**parameters, signed=..., width=...)`` of the gate netlist; None
            without one. In sign-magnitude families it is asked for the unsigned circuit alone.
    """

    key: str
    title: str
    definition: str
    domain: str
    template: str
    signed_form: SignedForm
    citation: str
    parameters: Callable[[int], Iterable[Parameters]]
    function: Callable[..., Any] | None = None
    circuit: Callable[..., Netlist] | None = None

    @property
    def sign_argument(self) -> str:
        """Name of the closed form's argument that asks for the signed version."""
        return "sign_magnitude" if self.signed_form == "sign-magnitude" else "signed"

    def has_circuit(self, *, signed: bool) -> bool:
        """Return whether the family has a gate netlist of this signedness."""
        return self.circuit is not None and not (signed and self.signed_form == "sign-magnitude")
