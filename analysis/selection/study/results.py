"""What a choice of multipliers found out, as a value: the input of its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from analysis.selection import Assignment


@dataclass(frozen=True, slots=True, eq=False)
class SelectionResults:
    """Everything that the report of a choice shows.

    Attributes:
        summary: What was chosen from what, in a sentence or two.
        points: One row per assignment that was evaluated, by ascending energy: `label`, `method`,
            `folded`, `relative_energy`, `distinct` (the number of its multipliers),
            `validation_accuracy`, `validation_certainty`, `validation_loss`, `accepted`,
            `on_front`, `exact`, `chosen`, and for some `test_accuracy` and `test_loss`.
        assignments: By label.
        chosen: Label of the choice.
        layers: One row per layer of it; see `Assignment.frame`.
        sensitivities: One row per layer; see `analysis.sensitivity_frame`.
        provenance: What is needed to repeat the run.
    """

    summary: str
    points: pd.DataFrame
    assignments: Mapping[str, Assignment]
    chosen: str
    layers: pd.DataFrame
    sensitivities: pd.DataFrame
    provenance: Mapping[str, str]

    @property
    def assignment(self) -> Assignment:
        """The choice."""
        return self.assignments[self.chosen]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the stem of its file's name."""
        provenance = {"item": list(self.provenance), "value": list(self.provenance.values())}
        return {
            "points": self.points,
            "layers": self.layers,
            "sensitivities": self.sensitivities,
            "provenance": pd.DataFrame(provenance),
        }

    def with_provenance(self, items: Mapping[str, str]) -> SelectionResults:
        """Return the same results with more of what is needed to repeat the run, in front."""
        return replace(self, provenance={**items, **self.provenance})
