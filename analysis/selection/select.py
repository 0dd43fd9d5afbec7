"""The choice of multipliers from a table of what each costs and loses in each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.selection.assignment import Assignment
from analysis.selection.choice_table import Choices, ChoiceTable
from analysis.selection.greedy import descend
from analysis.selection.integer_program import cheapest
from analysis.selection.matching import match, match_within
from multipliers.parameters import check_kind, check_number, check_parameter
from multipliers.wording import counted

Method = Literal["milp", "greedy", "matching"]


def select(
    table: ChoiceTable,
    *,
    max_loss: float | None = None,
    max_energy: float | None = None,
    method: Method = "milp",
    distinct: int | None = None,
    tolerances: Mapping[str, float] | None = None,
) -> Assignment:
    """Choose one multiplier for each layer.

    Of least energy with a predicted rise of the loss of at most ``max_loss``, or of least predicted
    loss with a relative energy of at most ``max_energy``.

    Args:
        table: What there is to choose from; see `analysis.choice_table`.
        max_loss: Bound of the predicted rise of the loss.
        max_energy: Bound of the relative energy.
        method: "milp" finds the best choice (`scipy.optimize.milp`); "greedy" takes the step that
            saves most energy per loss, again and again; "matching" takes the cheapest multipliers
            with a relative error of at most ``tolerances``, all scaled by the factor that serves
            the bound best. Without a bound, matching takes the tolerances as they are.
        distinct: Greatest number of different multipliers; as many as there are layers if None.
        tolerances: For matching: relative standard deviation of the error that each layer
            tolerates; see `analysis.learn_tolerances`.

    Returns:
        The assignment. `ChoiceTable.relative_energy` and `ChoiceTable.predicted_loss` say what it
        is predicted to do; `analysis.Evaluator` what it does.

    Raises:
        LookupError: If ``tolerances`` lacks a layer.
        ValueError: If not exactly one bound is given (for matching, at most one), the bound cannot
            be kept, or another argument is not as above.

    Examples:
        >>> from multipliers import get
        >>> table = ChoiceTable(
        ...     layers=("conv", "linear"),
        ...     multipliers=(get("mul8s_array"), get("mul8s_tm_k2"), get("mul8s_tm_k4")),
        ...     energy=np.array([[0.8, 0.4, 0.2], [0.2, 0.1, 0.05]]),
        ...     loss=np.array([[0.0, 0.1, 2.0], [0.0, 0.01, 0.1]]),
        ...     error_variance=np.array([[0.0, 0.01, 0.2], [0.0, 0.01, 0.1]]),
        ... )
        >>> print(select(table, max_loss=0.2))
        conv    mul8s_tm_k2
        linear  mul8s_tm_k4
        >>> print(select(table, method="matching", tolerances={"conv": 0.01, "linear": 0.2}))
        conv    mul8s_array
        linear  mul8s_tm_k2
    """
    check_kind("table", table, ChoiceTable)
    _check(method, max_loss, max_energy)
    max_loss = None if max_loss is None else check_number("max_loss", max_loss)
    max_energy = None if max_energy is None else check_number("max_energy", max_energy)
    distinct = None if distinct is None else check_parameter("distinct", distinct, 1)
    bound = _bound(table, max_loss, max_energy)
    if method == "matching":
        chosen = _matched(table, tolerances, max_loss, max_energy, distinct)
    elif method == "greedy":
        chosen = _descended(table, max_loss, max_energy, distinct)
    elif max_loss is not None:
        chosen = cheapest(table.energy, weight=table.loss, most=max_loss, distinct=distinct)
    else:
        most = np.inf if max_energy is None else max_energy
        chosen = cheapest(table.loss, weight=table.energy, most=most, distinct=distinct)
    if chosen is None:
        few = "" if distinct is None else f" with at most {counted(distinct, 'multiplier')}"
        raise ValueError(f"no choice by {method} keeps {bound}{few}")
    return table.assignment(chosen)


def _matched(
    table: ChoiceTable,
    tolerances: Mapping[str, float] | None,
    max_loss: float | None,
    max_energy: float | None,
    distinct: int | None,
) -> Choices | None:
    tolerated = _tolerance_array(table, tolerances)
    if max_loss is None and max_energy is None:
        return match(table, tolerated, distinct=distinct)
    bounded, other = (
        (table.loss, table.energy) if max_energy is None else (table.energy, table.loss)
    )
    most = max_loss if max_energy is None else max_energy
    return match_within(
        table,
        tolerated,
        within=lambda choices: most is not None and table.total(bounded, choices) <= most,
        better=lambda choices: table.total(other, choices),
        distinct=distinct,
    )


def _descended(
    table: ChoiceTable, max_loss: float | None, max_energy: float | None, distinct: int | None
) -> Choices | None:
    chosen = descend(
        table.energy,
        table.loss,
        max_loss=np.inf if max_loss is None else max_loss,
        max_energy=-np.inf if max_energy is None else max_energy,
        distinct=distinct,
    )
    if max_loss is not None and table.total(table.loss, chosen) > max_loss:
        return None
    if max_energy is not None and table.total(table.energy, chosen) > max_energy:
        return None
    return chosen


def _tolerance_array(
    table: ChoiceTable, tolerances: Mapping[str, float] | None
) -> NDArray[np.float64]:
    if tolerances is None:
        raise ValueError("'matching' needs 'tolerances', as analysis.learn_tolerances finds them")
    missing = [layer for layer in table.layers if layer not in tolerances]
    if missing:
        raise LookupError(f"'tolerances' must hold every layer, lacks {', '.join(missing)}")
    tolerated = np.array([tolerances[layer] for layer in table.layers], np.float64)
    if not (np.isfinite(tolerated) & (tolerated >= 0)).all():
        raise ValueError(f"'tolerances' must be finite and not negative, got {tolerated.tolist()}")
    return tolerated


def _check(method: str, max_loss: float | None, max_energy: float | None) -> None:
    check_kind("method", method, str)
    if method not in get_args(Method):
        raise ValueError(f"'method' must be one of {', '.join(get_args(Method))}, got {method!r}")
    given = [bound for bound in (max_loss, max_energy) if bound is not None]
    if len(given) > 1 or (not given and method != "matching"):
        raise ValueError(
            "exactly one of 'max_loss' and 'max_energy' must be given, got "
            + ("both" if given else "none")
        )


def _bound(table: ChoiceTable, max_loss: float | None, max_energy: float | None) -> str:
    """Put a bound into words, and refuse one that no choice of any method keeps."""
    for name, most, values in (
        ("max_loss", max_loss, table.loss),
        ("max_energy", max_energy, table.energy),
    ):
        if most is not None:
            least = values.min(axis=1).sum()
            if least > most:
                raise ValueError(f"'{name}' must be at least {least:.6g}, the least that can be "
                                 f"had, got {most:.6g}")  # fmt: skip
            return f"'{name}' = {most:.6g}"
    return "the tolerances"
