"""What a run found out, as values: the input of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.reports.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of the network at one stage of the run.

    Attributes:
        stage: Short name, such as `quantised`.
        meaning: What was evaluated, in a sentence.
        correct: Images classified correctly.
        images: Images in all.
    """

    stage: str
    meaning: str
    correct: int
    images: int

    @property
    def share(self) -> float:
        """Accuracy as a fraction.

        Examples:
            >>> Accuracy("float", "as trained", correct=3, images=4).share
            0.75
        """
        return self.correct / self.images


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything that a report shows.

    Attributes:
        summary: What was run, in a sentence or two.
        accuracies: In the order of the run; empty where nothing was classified.
        explanation: What the multiplier does to each layer.
        provenance: What is needed to repeat the run: command line, versions, seed, digest.
    """

    summary: str
    accuracies: tuple[Accuracy, ...]
    explanation: Explanation
    provenance: Mapping[str, str]

    def with_provenance(self, items: Mapping[str, str]) -> Results:
        """Return the same results with more of what is needed to repeat the run, in front."""
        return replace(self, provenance={**items, **self.provenance})

    @property
    def joint_counts(self) -> NDArray[np.int64]:
        """How often the whole network multiplied each pair of codes, int64 `(256, 256)`."""
        total = np.zeros((256, 256), dtype=np.int64)
        for trace in self.explanation.traces.values():
            total += trace.joint_counts
        return total
