"""What is chosen, and how: the bound and the methods."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.selection.select import Method


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is chosen, and how.

    Attributes:
        accuracy_drop: Greatest fall of accuracy and certainty on the validation split, as a share;
            of the choices that keep it the one of least energy is taken.
        max_energy: Greatest relative energy; of the choices that keep it the most accurate one is
            taken. Exactly one of the two is given.
        methods: Methods of `analysis.select`.
        folded: Whether to fold mean errors into the biases; with both, both are tried.
        distinct: Greatest number of different multipliers.
        count: Bounds of the predicted loss that each method is given.
        measured: Whether the losses of all choices are measured instead of predicted.
        refined: Whether to `analysis.refine` what the methods choose.

    Raises:
        ValueError: If not exactly one bound is given, or a list is empty.
    """

    accuracy_drop: float | None = None
    max_energy: float | None = None
    methods: tuple[Method, ...] = ("milp",)
    folded: tuple[bool, ...] = (True,)
    distinct: int | None = None
    count: int = 16
    measured: bool = False
    refined: bool = True

    def __post_init__(self) -> None:
        if (self.accuracy_drop is None) == (self.max_energy is None):
            raise ValueError("exactly one of 'accuracy_drop' and 'max_energy' must be given")
        if not self.methods or not self.folded:
            raise ValueError("'methods' and 'folded' must not be empty")
