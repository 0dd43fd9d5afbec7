"""Every way of choosing multipliers that the benchmark compares, behind one function."""

import tempfile
from pathlib import Path

from analysis import (
    Assignment,
    ResultsStore,
    bounded_candidates,
    search,
    select_validated,
    uniform_candidates,
    within,
)
from benchmarks.selection_case import SelectionCase

METHODS = (
    "uniform", "matching", "greedy", "milp", "milp, refined", "milp, measured",
    "milp, measured and refined", "search",
)  # fmt: skip
TRIALS = 120
POPULATION = 24


def chosen_by(method: str, case: SelectionCase, *, folded: bool, drop: float) -> Assignment:
    """Return the choice of a method within a loss of accuracy on the validation split."""
    evaluate = case.evaluator(folded, "validation")
    accept = within(evaluate.exact, accuracy_drop=drop)
    name, _, rest = method.partition(", ")
    table = case.measured_table(folded) if "measured" in rest else case.table(folded)
    if name == "uniform":
        candidates = [candidate.assignment for candidate in uniform_candidates(table)]
    elif name == "search":
        candidates = searched(case, folded=folded)
    else:
        return select_validated(
            table, evaluate, accept, method=name, tolerances=case.tolerances,
            refined="refined" in rest,
        )  # fmt: skip
    for candidate in sorted(candidates, key=table.relative_energy):
        if accept(evaluate(candidate)):
            return candidate
    raise ValueError(f"no choice by {method} is accepted")


def searched(case: SelectionCase, *, folded: bool) -> list[Assignment]:
    """Return what NSGA-II tries, which begins with the choices by milp."""
    evaluate = case.evaluator(folded, "validation")
    start = [found.assignment for found in bounded_candidates(case.table(folded), count=POPULATION)]
    with tempfile.TemporaryDirectory() as folder:
        found = search(
            evaluate, evaluate.layers, case.multipliers, energies=case.energies,
            macs=evaluate.macs, store=ResultsStore(Path(folder, "results.jsonl")),
            context={"case": f"{case.network} {case.seed}", "folded": folded},
            storage=Path(folder, "trials.journal"), trials=TRIALS, population=POPULATION,
            start=start, seed=case.seed,
        )  # fmt: skip
    return list(found.assignments.values())
