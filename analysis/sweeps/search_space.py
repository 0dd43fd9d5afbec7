"""What a search may propose, as Optuna's parameters: a candidate for each layer.

Where an assignment may have few different multipliers only, these few are parameters of their own,
and each layer has the number of one of them, so that every proposal keeps the bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.selection import Assignment
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

if TYPE_CHECKING:
    from optuna.distributions import CategoricalDistribution


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All assignments of some multipliers to some layers.

    Attributes:
        layers: Names of the layers in the float model.
        candidates: The multipliers by name.
        few: How many different ones an assignment may have; None where any number may be.
    """

    layers: tuple[str, ...]
    candidates: Mapping[str, Multiplier]
    few: int | None

    @classmethod
    def of(
        cls, layers: Sequence[str], multipliers: Sequence[Multiplier], *, distinct: int | None
    ) -> SearchSpace:
        """Make the space, where a bound that nothing exceeds is none.

        Raises:
            ValueError: If there are no layers, two multipliers have one name, or ``distinct`` is
                less than 1.
        """
        check_kind("layers", layers, list | tuple, advice="put the layers' names into a list")
        check_multipliers("multipliers", multipliers)
        candidates = {multiplier.name: multiplier for multiplier in multipliers}
        if not layers:
            raise ValueError("'layers' must hold at least one layer, got none")
        if len(candidates) < len(multipliers) or not candidates:
            names = ", ".join(multiplier.name for multiplier in multipliers)
            raise ValueError(f"'multipliers' must have different names, got {names or 'none'}")
        if distinct is not None:
            distinct = check_parameter("distinct", distinct, 1)
        bound = distinct is not None and distinct < min(len(layers), len(candidates))
        return cls(tuple(layers), candidates, distinct if bound else None)

    def distributions(self) -> dict[str, CategoricalDistribution]:
        """Return Optuna's parameters and what each may be."""
        from optuna.distributions import CategoricalDistribution  # noqa: PLC0415 - an extra

        names = CategoricalDistribution(list(self.candidates))
        if self.few is None:
            return dict.fromkeys(self.layers, names)
        numbers = CategoricalDistribution(_numbers(self.few))
        return dict.fromkeys(_slots(self.few), names) | dict.fromkeys(self.layers, numbers)

    def assignment(self, parameters: Mapping[str, str]) -> Assignment:
        """Return the assignment that parameters stand for."""
        if self.few is None:
            return Assignment({layer: self.candidates[parameters[layer]] for layer in self.layers})
        return Assignment(
            {layer: self.candidates[parameters[_slot(parameters[layer])]] for layer in self.layers}
        )

    def parameters(self, assignment: Assignment) -> dict[str, str]:
        """Return parameters that stand for an assignment.

        Raises:
            LookupError: If it lacks a layer, or has a multiplier that is no candidate.
            ValueError: If it has too many different multipliers.
        """
        names = {layer: self._name(assignment, layer) for layer in self.layers}
        if self.few is None:
            return names
        used = list(dict.fromkeys(names.values()))
        if len(used) > self.few:
            raise ValueError(
                "an assignment of 'start' must have at most "
                f"{counted(self.few, 'different multiplier')}, got {len(used)}"
            )
        numbers = dict(zip(used, _numbers(self.few), strict=False))
        # Slots that are not needed repeat the first.
        slots = used + used[:1] * (self.few - len(used))
        return dict(zip(_slots(self.few), slots, strict=True)) | {
            layer: numbers[name] for layer, name in names.items()
        }

    def _name(self, assignment: Assignment, layer: str) -> str:
        if layer not in assignment:
            raise LookupError(f"an assignment of 'start' lacks layer {layer!r}")
        multiplier = assignment[layer]
        known = self.candidates.get(multiplier.name)
        if known is None or known.digest != multiplier.digest:
            raise LookupError(
                f"an assignment of 'start' has {multiplier.name!r} in layer {layer!r}, which is "
                "not among the multipliers"
            )
        return multiplier.name


def _numbers(few: int) -> list[str]:
    return [str(number) for number in range(1, few + 1)]


def _slots(few: int) -> Iterable[str]:
    return map(_slot, _numbers(few))


def _slot(number: str) -> str:
    """Name a parameter as no layer can be called: an empty name before a point."""
    return f".multiplier {number}"
