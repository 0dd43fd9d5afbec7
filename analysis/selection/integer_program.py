"""The exact choice: one multiplier per layer, of least cost, as an integer program.

Binary x_lm says that layer l has multiplier m, binary z_m that m is used at all::

    minimise    sum_lm cost_lm x_lm
    subject to  sum_m x_lm = 1                        for every layer l
                sum_lm weight_lm x_lm <= most         the budget, if there is one
                x_lm <= z_m,  sum_m z_m <= distinct   if the multipliers are to be few

Of several choices of least cost, one of least weight is returned: a second program minimises the
weight at this cost.

Where HiGHS finds an integer solution that is off a row of the program by more than its tolerance,
it repairs it. The version in SciPy 1.17 then writes a line left from debugging to C's standard
output, ``HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();``, which says
nothing about the result and which no option withholds: of 150 random programs 6 print it, without
presolve 2, without heuristics 6, with ten times the tolerance 2. Newer sources of HiGHS do not.

References:
    Q. Huangfu and J. A. J. Hall (2018), "Parallelizing the dual revised simplex method",
    Mathematical Programming Computation 10, 119-142: HiGHS, the solver behind
    `scipy.optimize.milp`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.selection.choice_table import Choices, ChoiceTable

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
_TOLERANCE = 2e-6  # of a row of the program, beyond HiGHS's primal feasibility tolerance of 1e-6


def cheapest(
    cost: Floats,
    *,
    weight: Floats | None = None,
    most: float = np.inf,
    distinct: int | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> Choices | None:
    """Return the choice of least cost within a budget; see the module's docstring.

    Args:
        cost: Cost of each choice, float64 `(L, M)`.
        weight: What the budget limits, float64 `(L, M)`; nothing if None.
        most: The budget. It is never exceeded; a choice closer to it than 2e-6 of the budget may
            be missed.
        distinct: Greatest number of different multipliers.
        allowed: Which choices there are, bool `(L, M)`; all if None.

    Returns:
        Column of each row; None if no choice is within the budget.

    Examples:
        >>> cost = np.array([[1.0, 0.5, 0.2], [1.0, 0.5, 0.2]])
        >>> weight = np.array([[0.0, 1.0, 3.0], [0.0, 1.0, 9.0]])
        >>> cheapest(cost, weight=weight, most=4.0)
        array([2, 1])
        >>> cheapest(cost, weight=weight, most=4.0, distinct=1)
        array([1, 1])
    """
    possible = np.ones(cost.shape, np.bool_) if allowed is None else allowed.copy()
    if weight is not None and np.isfinite(most):
        # What is too heavy with the lightest of all others is out, which keeps numbers small.
        lightest = np.where(possible, weight, np.inf).min(axis=1)
        possible &= weight - lightest[:, np.newaxis] <= most - lightest.sum() + _ROUNDING * abs(
            most
        )
    if not possible.any(axis=1).all():
        return None
    others = np.zeros_like(cost) if weight is None else weight
    possible = undominated(cost, others, possible, everywhere=distinct is not None)
    for limit in (most, most - _TOLERANCE * abs(most)):
        chosen = _solve(cost, weight, limit, distinct, possible)
        if chosen is None or weight is None or not np.isfinite(most):
            return chosen
        if ChoiceTable.total(weight, chosen) <= most:
            break
    else:
        return None
    least = ChoiceTable.total(cost, chosen)
    lighter = _solve(weight, cost, least + _ROUNDING * abs(least), distinct, possible)
    if lighter is None or ChoiceTable.total(weight, lighter) > ChoiceTable.total(weight, chosen):
        return chosen
    return lighter if ChoiceTable.total(cost, lighter) <= least + _ROUNDING * abs(least) else chosen


def _solve(
    cost: Floats,
    weight: Floats | None,
    most: float,
    distinct: int | None,
    possible: NDArray[np.bool_],
) -> Choices | None:
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415  which takes a while to load
    from scipy.sparse import csr_array, eye_array, hstack, kron, vstack  # noqa: PLC0415  as above

    layers, count = cost.shape
    used = 0 if distinct is None else count
    one_each = kron(eye_array(layers), np.ones((1, count)))
    constraints = [LinearConstraint(_padded(one_each, used), 1, 1)]
    if weight is not None and np.isfinite(most):
        scale = abs(most) if most else max(float(np.abs(weight[possible]).max()), 1.0)
        row = np.where(possible, weight, 0).reshape(1, -1) / scale
        constraints.append(LinearConstraint(_padded(csr_array(row), used), -np.inf, most / scale))
    if distinct is not None:
        opens = hstack([eye_array(layers * count), -kron(np.ones((layers, 1)), eye_array(count))])
        few = csr_array(np.concatenate([np.zeros(layers * count), np.ones(count)])[np.newaxis])
        limits = np.append(np.zeros(layers * count), distinct)
        constraints.append(LinearConstraint(vstack([opens, few]), -np.inf, limits))
    highest = np.abs(cost[possible]).max() or 1.0
    objective = np.append(np.where(possible, cost, 0).ravel() / highest, np.zeros(used))
    found = milp(
        objective,
        integrality=np.ones(len(objective), np.int64),
        bounds=Bounds(0, np.append(possible.ravel().astype(np.float64), np.ones(used))),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None
    choices: Choices = found.x[: layers * count].reshape(layers, count).argmax(axis=1)
    return choices


def _padded(matrix: Any, columns: int) -> Any:
    """Append columns of zeros."""
    from scipy.sparse import csr_array, hstack  # noqa: PLC0415  which takes a while to load

    return hstack([matrix, csr_array((matrix.shape[0], columns))]) if columns else matrix


def undominated(
    cost: Floats, weight: Floats, possible: NDArray[np.bool_], *, everywhere: bool
) -> NDArray[np.bool_]:
    """Keep the choices for which there is none that is as good in both and better, or earlier.

    Args:
        cost: Cost of each choice.
        weight: Weight of each choice.
        possible: Which choices there are.
        everywhere: Whether a choice must be as good in all rows, so that it can replace the other
            without one more column in use.
    """
    kept = possible.copy()
    columns = np.arange(cost.shape[1])
    for column in columns:
        mine = kept[:, column]
        no_worse = (cost <= cost[:, [column]]) & (weight <= weight[:, [column]]) & kept
        better = (cost < cost[:, [column]]) | (weight < weight[:, [column]]) | (columns < column)
        beaten = no_worse & (columns != column)
        if everywhere:
            replaces = (beaten | ~mine[:, np.newaxis]).all(axis=0)
            replaces &= (better | ~mine[:, np.newaxis]).any(axis=0)
            kept[:, column] &= not replaces.any()
        else:
            kept[:, column] &= ~(beaten & better).any(axis=1)
    return kept
