"""What each choice loses, by simulation of each alone, where predictions are not good enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from analysis.progress import hidden
from analysis.selection.acceptance import Evaluate
from analysis.selection.choice_table import ChoiceTable
from multipliers.parameters import check_kind, check_number


def measure_choices(
    table: ChoiceTable, evaluate: Evaluate, *, within: float = np.inf, quiet: bool = True
) -> ChoiceTable:
    """Replace the predicted losses by measured ones.

    Each multiplier runs in each layer alone, with the most accurate ones in the others, so that
    there are as many evaluations as choices. The prediction takes an error for noise; one that
    rises with the output, as where all products are too small, hurts less than noise of its size.

    Args:
        table: What there is to choose from.
        evaluate: Evaluates an assignment; best with the network's own predictions as targets
            (`analysis.own_predictions`), by which every rise is a divergence.
        within: Choices that are predicted to lose more are not measured.
        quiet: Show no progress bar.

    Returns:
        The table with the losses measured; a rise below 0, which is chance, counts as 0.

    Raises:
        ValueError: If an evaluation has a loss that is not finite.

    Examples:
        >>> from analysis.selection.evaluator import Evaluation
        >>> from multipliers import get
        >>> multipliers = get("mul8s_array"), get("mul8s_tm_k4")
        >>> table = ChoiceTable(
        ...     ("conv",), multipliers, energy=np.array([[1.0, 0.2]]),
        ...     loss=np.array([[0.0, 0.5]]), error_variance=np.array([[0.0, 0.1]]),
        ... )
        >>> losses = {"mul8s_array": 1.0, "mul8s_tm_k4": 1.25}
        >>> measure_choices(
        ...     table, lambda one: Evaluation(0.9, losses[one["conv"].name], 0.9, 1.0)
        ... ).loss
        array([[0.  , 0.25]])
    """
    check_kind("table", table, ChoiceTable)
    check_kind("evaluate", evaluate, Callable)
    within = check_number("within", within, most=np.inf)
    best = np.array([np.lexsort((v, r))[0] for v, r in zip(table.error_variance, table.loss,
                                                           strict=True)])  # fmt: skip
    start = table.assignment(best)
    reference = evaluate(start).loss
    measured = table.loss.copy()
    choices = [
        (row, column)
        for row, column in np.ndindex(measured.shape)
        if column != best[row] and table.loss[row, column] <= within
    ]
    for row, column in tqdm(choices, desc="choices", unit="choice", disable=hidden(quiet)):
        layer, multiplier = table.layers[row], table.multipliers[column]
        loss = evaluate(start.with_layer(layer, multiplier)).loss
        if not np.isfinite(loss):
            raise ValueError(f"layer {layer!r} on {multiplier.name!r} must have a finite loss, got "
                             f"{loss}")  # fmt: skip
        measured[row, column] = table.loss[row, best[row]] + max(loss - reference, 0.0)
    return replace(table, loss=measured)
