"""What is chosen, and how: the bound and the methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from analysis.selection.select import Method
from analysis.sweeps.study import Sampler
from multipliers.parameters import check_flag, check_kind, check_number, check_parameter


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a search goes, if one is among the methods; see `analysis.search`.

    Attributes:
        trials: Trials of each sampler and way of folding.
        population: Trials of a generation of NSGA-II, and choices of the integer program to start
            from.
        storage: Where the trials are kept; the file ``trials.journal`` beside the results if None.
        seed: Chooses the proposals; that of the study if None.
    """

    trials: int = 120
    population: int = 24
    storage: str | Path | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        least = {"trials": 1, "population": 1} | ({} if self.seed is None else {"seed": 0})
        for name, bound in least.items():
            object.__setattr__(self, name, check_parameter(name, getattr(self, name), bound))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is chosen, and how.

    Attributes:
        accuracy_drop: Greatest fall of accuracy and certainty on the validation split, as a share;
            of the choices that keep it the one of least energy is taken.
        max_energy: Greatest relative energy; of the choices that keep it the most accurate one is
            taken. Exactly one of the two is given.
        methods: Methods of `analysis.select` and samplers of `analysis.search`.
        search: How the samplers go about it.
        folded: Whether to fold mean errors into the biases; with both, both are tried.
        distinct: Greatest number of different multipliers.
        count: Bounds of the predicted loss that each method is given.
        measured: Whether the losses of all choices are measured instead of predicted.
        refined: Whether to `analysis.refine` what the methods choose.
        refine_evaluations: Greatest number of evaluations for that, for each method and way of
            folding.

    Raises:
        LookupError: If there is no method or sampler of a name.
        TypeError: If a setting is of another kind.
        ValueError: If not exactly one bound is given, a list is empty, or a number out of range.
    """

    accuracy_drop: float | None = None
    max_energy: float | None = None
    methods: tuple[Method | Sampler, ...] = ("milp",)
    search: SearchSettings = field(default_factory=SearchSettings)
    folded: tuple[bool, ...] = (True,)
    distinct: int | None = None
    count: int = 16
    measured: bool = False
    refined: bool = True
    refine_evaluations: int = 200

    def __post_init__(self) -> None:
        if (self.accuracy_drop is None) == (self.max_energy is None):
            raise ValueError("exactly one of 'accuracy_drop' and 'max_energy' must be given")
        given = "max_energy" if self.accuracy_drop is None else "accuracy_drop"
        object.__setattr__(self, given, check_number(given, getattr(self, given)))
        check_kind("methods", self.methods, tuple | list)
        check_kind("folded", self.folded, tuple | list)
        if not self.methods or not self.folded:
            raise ValueError("'methods' and 'folded' must not be empty")
        known = (*get_args(Method), *get_args(Sampler))
        if unknown := [method for method in self.methods if method not in known]:
            raise LookupError(f"'methods' must be among {', '.join(known)}, got {unknown[0]!r}")
        for folded in self.folded:
            check_flag("folded", folded)
        check_kind("search", self.search, SearchSettings)
        check_flag("measured", self.measured)
        check_flag("refined", self.refined)
        least = {"count": 1, "refine_evaluations": 0}
        if self.distinct is not None:
            least["distinct"] = 1
        for name, bound in least.items():
            object.__setattr__(self, name, check_parameter(name, getattr(self, name), bound))

    @property
    def of_table(self) -> tuple[Method, ...]:
        """The methods that choose by a table of predictions."""
        return tuple(method for method in get_args(Method) if method in self.methods)

    @property
    def samplers(self) -> tuple[Sampler, ...]:
        """The methods that search by simulation."""
        return tuple(sampler for sampler in get_args(Sampler) if sampler in self.methods)
