"""What the points that were evaluated come to: fronts, their check on other data, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.reports.reproducible import software_versions
from analysis.selection import Evaluation
from analysis.selection.energies import energy_matrix
from analysis.selection.front import on_front
from analysis.selection.study.points import Point, energy_of
from analysis.selection.study.results import SelectionResults
from analysis.selection.study.wanted import Wanted
from analysis.sweeps.stored_evaluator import StoredEvaluator
from multipliers.wording import counted


def outcome(
    points: Sequence[Point],
    chosen: Point,
    base: StoredEvaluator,
    wanted: Wanted,
    sensitivities: pd.DataFrame,
    seed: int,
) -> SelectionResults:
    """Return what was found out, with the fronts, the choice and exact products verified.

    Args:
        points: All that was evaluated on the validation split.
        chosen: One of them.
        base: Evaluates; its split and folding are changed as needed.
        wanted: What was asked for.
        sensitivities: One row per layer.
        seed: Of the run.

    Raises:
        SweepError: If an evaluation fails.
    """
    ordered = sorted(points, key=energy_of)
    labels = _labels(ordered)
    frame = pd.DataFrame(
        {
            "label": labels,
            "method": [point.candidate.method for point in ordered],
            "folded": [point.folded for point in ordered],
            "relative_energy": [energy_of(point) for point in ordered],
            "distinct": [len(point.candidate.assignment.distinct) for point in ordered],
            "validation_accuracy": [point.found.accuracy for point in ordered],
            "validation_certainty": [point.found.certainty for point in ordered],
            "validation_loss": [point.found.loss for point in ordered],
            "accepted": [point.accepted for point in ordered],
            "exact": [_is_exact(point) for point in ordered],
            "chosen": [point is chosen for point in ordered],
        }
    )
    frame["on_front"] = on_front(frame)
    verified = _verified(ordered, frame, base)
    frame["test_accuracy"] = [found.accuracy if found else np.nan for found in verified]
    frame["test_loss"] = [found.loss if found else np.nan for found in verified]
    assignment = chosen.candidate.assignment
    workload = base.prepared.workload
    return SelectionResults(
        summary=_summary(base, wanted),
        points=frame,
        assignments={
            label: point.candidate.assignment for label, point in zip(labels, ordered, strict=True)
        },
        chosen=labels[ordered.index(chosen)],
        layers=assignment.frame(macs=base.macs, energies=base.energies),
        sensitivities=sensitivities,
        provenance={
            "model": workload.name,
            "assignment, SHA-256": assignment.digest,
            **base.prepared.digests,
            "multipliers": ", ".join(m.name for m in base.multipliers),
            "energies": ", ".join(
                f"{m.name} {energy:.4g}"
                for m, energy in zip(base.multipliers, _mean_energies(base), strict=True)
            ),
            "seed": str(seed),
            **software_versions(),
        },
    )  # fmt: skip


def _is_exact(point: Point) -> bool:
    multipliers = point.candidate.assignment.distinct
    return all(np.array_equal(each.lut, each.exact) for each in multipliers)


def _mean_energies(base: StoredEvaluator) -> list[float]:
    names = [multiplier.name for multiplier in base.multipliers]
    means: list[float] = energy_matrix(base.energies, list(base.macs), names).mean(axis=0).tolist()
    return means


def _verified(
    points: Sequence[Point], frame: pd.DataFrame, base: StoredEvaluator
) -> list[Evaluation | None]:
    """Evaluate on the split that had no say in the choice.

    The fronts, the choice, exact products and the cheapest uniform assignment within the bound.
    """
    uniform = frame.index[(frame["method"] == "uniform") & frame["accepted"]][:1]
    best = frame.index.isin(uniform)
    wanted = (frame["on_front"] | frame["chosen"] | frame["exact"] | best).tolist()
    found: dict[int, Evaluation] = {}
    for folded in {point.folded for point in points}:
        numbers = [n for n, point in enumerate(points) if wanted[n] and point.folded == folded]
        evaluate = replace(base, fold=folded, split="evaluation")
        evaluations = evaluate.each([points[n].candidate.assignment for n in numbers])
        found |= dict(zip(numbers, evaluations, strict=True))
    return [found.get(number) for number in range(len(points))]


def _labels(points: Sequence[Point]) -> list[str]:
    """Name each point: a uniform one by its multiplier, others by method and number."""
    labels: list[str] = []
    for point in points:
        candidate, folded = point.candidate, ", folded" if point.folded else ""
        name = candidate.method
        if name == "uniform":
            name = candidate.assignment.distinct[0].name
        label, number = f"{name}{folded}", 1
        while label in labels:
            number += 1
            label = f"{name} {number}{folded}"
        labels.append(label)
    return labels


def _summary(base: StoredEvaluator, wanted: Wanted) -> str:
    bound = (
        f"at a relative energy of at most {wanted.max_energy:g}"
        if wanted.accuracy_drop is None
        else "with an accuracy and a certainty lower by at most "
        f"{percentage_points(wanted.accuracy_drop)} on the validation split"
    )
    ways = {"what each layer is sensitive to": wanted.of_table, "search": wanted.samplers}
    how = " and by ".join(way for way, methods in ways.items() if methods)
    few = (
        "" if wanted.distinct is None else f", at most {counted(wanted.distinct, 'different one')}"
    )
    workload = base.prepared.workload
    return (
        f"One of {counted(len(base.multipliers), 'multiplier')} for each of the "
        f"{counted(len(base.macs), 'layer')} of "
        f"{workload.name}, {bound}{few}: chosen by {how}, checked by simulation on "
        f"{_samples(workload.validation)} validation samples, and verified on "
        f"{_samples(workload.evaluation)} others that had no say in the choice."
    )


def percentage_points(share: float) -> str:
    """Write a share in percentage points.

    Examples:
        >>> percentage_points(0.01), percentage_points(0.005)
        ('1 percentage point', '0.5 percentage points')
    """
    points = f"{100 * share:g}"
    return f"{points} percentage point{'' if points == '1' else 's'}"


def _samples(batches: Sequence[Any]) -> int:
    return sum(len(labels) for _, labels in batches)
