"""Which multiplier computes which layer: the value that every way of choosing returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.selection.energies import Energies, energy_matrix, mac_shares
from multipliers import Multiplier, get
from multipliers.bounded_json import json_bytes, read_json
from multipliers.parameters import check_kind, check_path
from multipliers.whole_file import write_whole

FORMAT = "torchapprox assignment"
VERSION = 1


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Assignment(Mapping[str, Multiplier]):
    """One multiplier for each layer; a mapping that `torchapprox.approximate` takes as it is.

    Two assignments are equal if they give each layer a multiplier of the same name and table, in
    whatever order.

    Args:
        choices: Multiplier by name of the layer in the float model, as a mapping or as pairs.
            Layers that are to stay exact hold an exact multiplier.

    Raises:
        TypeError: If a name is no string or a multiplier no `multipliers.Multiplier`.
        ValueError: If there is no layer, a layer occurs twice, or two multipliers with different
            tables share a name.

    Examples:
        >>> assignment = Assignment({"conv": get("mul8s_tm_k3"), "linear": get("mul8s_drum4")})
        >>> print(assignment)
        conv    mul8s_tm_k3
        linear  mul8s_drum4
        >>> Assignment.from_json(assignment.to_json()) == assignment
        True
        >>> assignment.with_layer("conv", get("mul8s_drum4")).distinct
        (<Multiplier mul8s_drum4: ...>,)
    """

    choices: tuple[tuple[str, Multiplier], ...]

    def __init__(
        self, choices: Mapping[str, Multiplier] | Iterable[tuple[str, Multiplier]]
    ) -> None:
        check_kind("choices", choices, Iterable)
        pairs = tuple(choices.items() if isinstance(choices, Mapping) else choices)
        if not pairs:
            raise ValueError("'choices' must name at least one layer, got none")
        digests: dict[str, str] = {}
        seen: set[str] = set()
        for layer, multiplier in pairs:
            if not isinstance(layer, str):
                raise TypeError(f"layers must be named by str, got {type(layer).__name__}")
            if not isinstance(multiplier, Multiplier):
                raise TypeError(
                    f"layer {layer!r} must have a Multiplier, got {type(multiplier).__name__}; "
                    "an exact one where it is to stay exact"
                )
            if layer in seen:
                raise ValueError(f"layer {layer!r} must occur once, got it twice")
            seen.add(layer)
            if digests.setdefault(multiplier.name, multiplier.digest) != multiplier.digest:
                raise ValueError(f"two multipliers with different tables share the name "
                                 f"{multiplier.name!r}; give them names of their own")  # fmt: skip
        object.__setattr__(self, "choices", pairs)

    @classmethod
    def uniform(cls, layers: Iterable[str], multiplier: Multiplier) -> Assignment:
        """Give all layers one multiplier."""
        return cls([(layer, multiplier) for layer in layers])

    def __getitem__(self, layer: str) -> Multiplier:
        for name, multiplier in self.choices:
            if name == layer:
                return multiplier
        raise KeyError(layer)

    def __missing__(self, layer: str) -> Multiplier:
        """Refuse a layer, so that `torchapprox.approximate` leaves none exact silently."""
        raise LookupError(
            f"the assignment names no multiplier for layer {layer!r}; it has "
            + ", ".join(map(repr, self))
        )

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.choices)

    def __len__(self) -> int:
        return len(self.choices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Assignment):
            return NotImplemented
        return self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{layer:{width}}  {name}" for layer, name in self.names.items())

    @property
    def names(self) -> dict[str, str]:
        """Name of the multiplier by layer."""
        return {layer: multiplier.name for layer, multiplier in self.choices}

    @property
    def distinct(self) -> tuple[Multiplier, ...]:
        """The multipliers, each once, in the order of the layers."""
        return tuple({multiplier.name: multiplier for _, multiplier in self.choices}.values())

    @property
    def digest(self) -> str:
        """SHA-256 over layers, names and tables, whatever their order, 64 hexadecimal digits."""
        tables = {multiplier.name: multiplier.digest for multiplier in self.distinct}
        rows = sorted([layer, name, tables[name]] for layer, name in self.names.items())
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def with_layer(self, layer: str, multiplier: Multiplier) -> Assignment:
        """Return the assignment with another multiplier in one layer.

        Raises:
            LookupError: If there is no such layer.
        """
        if layer not in self:
            self.__missing__(layer)
        return type(self)({**self, layer: multiplier})

    def relative_energy(self, energies: Energies, macs: Mapping[str, int]) -> float:
        """Return the energy of all multiplications, relative to that of exact ones.

        The mean over the layers of a multiplication's relative energy, weighted by their
        multiplications.

        Args:
            energies: Relative energy of a multiplication; see `analysis.relative_energies`.
            macs: Multiplications of each layer.

        Raises:
            LookupError: If a layer or multiplier is missing.

        Examples:
            >>> assignment = Assignment({"a": get("mul8s_tm_k3"), "b": get("mul8s_drum4")})
            >>> energies = {"mul8s_tm_k3": 0.5, "mul8s_drum4": 0.25}
            >>> assignment.relative_energy(energies, {"a": 300, "b": 100})
            0.4375
        """
        return float((mac_shares(self, macs) * self._energies(energies)).sum())

    def frame(
        self, *, macs: Mapping[str, int] | None = None, energies: Energies | None = None
    ) -> pd.DataFrame:
        """Return one row per layer.

        Args:
            macs: Multiplications of each layer; adds `macs` and `mac_share`.
            energies: Relative energy of a multiplication; adds `relative_energy`, and with ``macs``
                also `energy_share`, the layer's part of the energy of this assignment.

        Returns:
            Columns `layer`, `multiplier` and `table_sha256`, and those above.

        Raises:
            LookupError: If a layer or multiplier is missing.
        """
        frame = pd.DataFrame(
            {
                "layer": list(self),
                "multiplier": list(self.names.values()),
                "table_sha256": [multiplier.digest for multiplier in self.values()],
            }
        )
        if macs is not None:
            frame["mac_share"] = mac_shares(self, macs)
            frame.insert(3, "macs", [macs[layer] for layer in self])
        if energies is not None:
            frame["relative_energy"] = self._energies(energies)
            if macs is not None:
                energy = frame["mac_share"] * frame["relative_energy"]
                frame["energy_share"] = energy / energy.sum()
        return frame

    def to_json(self) -> str:
        """Return names of layers and multipliers, and digests of the tables, as JSON."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "layers": self.names,
            "tables_sha256": {multiplier.name: multiplier.digest for multiplier in self.distinct},
        }
        return json.dumps(content, indent=2)

    @classmethod
    def from_json(
        cls, text: str | bytes, *, multipliers: Iterable[Multiplier] | None = None
    ) -> Assignment:
        """Read what `to_json` wrote.

        Args:
            text: The JSON.
            multipliers: Where the multipliers are looked up first, by name; the package's own
                follow (`multipliers.get`).

        Raises:
            LookupError: If there is no multiplier of a name.
            ValueError: If the text is damaged, of a later version or something else, or a
                multiplier has another table than the one that was assigned.
        """
        layers, digests = _parsed(text)
        own = {multiplier.name: multiplier for multiplier in multipliers or ()}
        found = {name: own[name] if name in own else get(name) for name in digests}
        for name, digest in digests.items():
            if found[name].digest != digest:
                raise ValueError(
                    f"multiplier {name!r} must have the table with SHA-256 {digest}, as when it "
                    f"was assigned, got {found[name].digest}"
                )
        return cls({layer: found[name] for layer, name in layers.items()})

    def save(self, path: str | Path) -> None:
        """Write `to_json` into a file, which appears whole or not at all.

        Raises:
            OSError: If the file cannot be written.
        """
        write_whole(check_path("path", path), f"{self.to_json()}\n".encode())

    @classmethod
    def load(
        cls, path: str | Path, *, multipliers: Iterable[Multiplier] | None = None
    ) -> Assignment:
        """Read what `save` wrote; arguments and errors as `from_json`, and OSError."""
        try:
            return cls.from_json(json_bytes(path), multipliers=multipliers)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def _energies(self, energies: Energies) -> Any:
        """Return the relative energy of each layer's multiplier, float64 `(L,)`."""
        names = [multiplier.name for multiplier in self.distinct]
        of_layers = energy_matrix(energies, tuple(self), names)
        return of_layers[range(len(self)), [names.index(name) for name in self.names.values()]]


def _parsed(text: str | bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Return multiplier by layer and digest by multiplier."""
    try:
        content = read_json(text)
    except ValueError as error:
        raise ValueError(f"not a readable assignment: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError("not a readable assignment: it has another header")
    if content.get("version") != VERSION:
        raise ValueError(
            f"the assignment is of version {content.get('version')}, this program reads version "
            f"{VERSION}"
        )
    layers, digests = _names(content, "layers"), _names(content, "tables_sha256")
    if set(layers.values()) != set(digests):
        raise ValueError("not a readable assignment: 'tables_sha256' must have each multiplier")
    return layers, digests


def _names(content: dict[str, Any], part: str) -> dict[str, str]:
    found = content.get(part)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(f"not a readable assignment: {part!r} must map names to texts")
    return found
