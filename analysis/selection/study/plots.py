"""Plots of a choice of multipliers: energy against accuracy, and which layer has which."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from analysis.frames import check_frame
from analysis.plots.style import axes_or_new, figure_of, new_figure, pair_or_new

_ROW_INCHES = 0.3
_COLUMN_INCHES = 0.34


def plot_energy_front(
    points: pd.DataFrame, ax: Axes | None = None, *, chosen: str | None = None
) -> Axes:
    """Draw the accuracy of assignments against their energy, uniform ones beside the others.

    Args:
        points: One row per assignment: `label`, `method` ("uniform" for one multiplier in all
            layers), `relative_energy`, `validation_accuracy`, and where it was measured
            `test_accuracy`.
        ax: Axes to draw into; new ones if None.
        chosen: Label of the assignment to mark.

    Raises:
        LookupError: If there is no assignment of that label.
        ValueError: If there is no assignment.

    Examples:
        >>> points = pd.DataFrame({
        ...     "label": ["a", "b"], "method": ["uniform", "milp"], "relative_energy": [1.0, 0.3],
        ...     "validation_accuracy": [0.97, 0.96],
        ... })
        >>> plot_energy_front(points, chosen="b").get_xlabel()
        'energy of the multiplications / exact'
    """
    columns = ["label", "method", "relative_energy", "validation_accuracy"]
    check_frame("points", points, columns)
    if points.empty:
        raise ValueError("'points' must hold at least one assignment, got none")
    ax = axes_or_new(ax, lambda: new_figure(9.4, 4.2).add_subplot())
    uniform = points["method"] == "uniform"
    for part, colour, marker, name in (
        (points[uniform], "C1", "s", "one multiplier in all layers"),
        (points[~uniform], "C0", "o", "a multiplier for each layer"),
    ):
        if part.empty:
            continue
        x, y = part["relative_energy"], part["validation_accuracy"]
        ax.plot(x, y, marker, color=colour, markersize=4, alpha=0.45, linewidth=0)
        ax.plot(
            *_staircase(x.to_numpy(float), y.to_numpy(float)), marker, color=colour, markersize=5,
            linestyle="-", linewidth=1.2, drawstyle="steps-post", label=name,
        )  # fmt: skip
    if chosen is not None:
        _mark(ax, points, chosen)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.set_ylim(*_informative(points))
    ax.set_xlabel("energy of the multiplications / exact")
    ax.set_ylabel("accuracy")
    figure_of(ax).legend(loc="outside upper center", ncols=4)
    return ax


def plot_assignment(layers: pd.DataFrame, axes: tuple[Axes, Axes] | None = None) -> Axes:
    """Draw which layer has which multiplier, and each layer's share of the energy.

    Args:
        layers: One row per layer: `layer`, `multiplier`, `mac_share`, `relative_energy` of a
            multiplication; see `Assignment.frame`.
        axes: Axes for the map and for the shares, which share their rows; new ones if None.

    Returns:
        The axes of the map.

    Raises:
        ValueError: If there is no layer.

    Examples:
        >>> layers = pd.DataFrame({
        ...     "layer": ["conv", "head"], "multiplier": ["fine", "coarse"],
        ...     "mac_share": [0.9, 0.1], "relative_energy": [0.5, 0.2],
        ... })
        >>> [text.get_text() for text in plot_assignment(layers).get_xticklabels()]
        ['coarse', 'fine']
    """
    check_frame("layers", layers, ["layer", "multiplier", "mac_share", "relative_energy"])
    if layers.empty:
        raise ValueError("'layers' must hold at least one layer, got none")
    names = list(layers.groupby("multiplier")["relative_energy"].mean().sort_values().index)
    height = max(2.4, 1.9 + _ROW_INCHES * len(layers))
    width = max(9.4, 6.5 + _COLUMN_INCHES * len(names))
    ratios = (max(3.0, _COLUMN_INCHES * len(names)), 4.2)
    grid, bars = pair_or_new(
        axes,
        lambda: new_figure(width, height).subplots(1, 2, sharey=True, width_ratios=ratios),
    )
    rows = np.arange(len(layers))
    columns = [names.index(name) for name in layers["multiplier"]]
    grid.plot(columns, rows, "s", color="C0", markersize=11)
    grid.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    grid.set_yticks(rows, layers["layer"])
    grid.set_xlim(-0.6, len(names) - 0.4)
    grid.set_ylim(len(layers) - 0.4, -0.6)
    grid.set_xlabel("multiplier, cheapest first")
    share = layers["mac_share"].to_numpy(float)
    energy = share * layers["relative_energy"].to_numpy(float)
    bars.barh(
        rows, share, height=0.72, facecolor="none", edgecolor="0.55", linewidth=1,
        label="exact multipliers",
    )  # fmt: skip
    bars.barh(rows, energy, height=0.72, color="C0", label="this assignment")
    for row, own in zip(rows, energy, strict=True):
        bars.annotate(
            f"{100 * own:.1f} %", (max(share[row], own), row), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    bars.margins(x=0.18)
    bars.set_xlim(left=0)
    bars.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    bars.set_xlabel("energy, share of all exact multiplications")
    figure_of(grid).legend(*bars.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return grid


def _staircase(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    """Return the points that none beats, by ascending energy."""
    front_x: list[float] = []
    front_y: list[float] = []
    for energy, accuracy in sorted(zip(x, y, strict=True), key=lambda pair: (pair[0], -pair[1])):
        if not front_y or accuracy > front_y[-1]:
            front_x.append(energy)
            front_y.append(accuracy)
    return front_x, front_y


def _mark(ax: Axes, points: pd.DataFrame, chosen: str) -> None:
    """Ring the chosen assignment, and show what it does on other samples."""
    own = points[points["label"] == chosen]
    if own.empty:
        raise LookupError(f"'points' must hold the chosen assignment, lacks {chosen!r}")
    point = own.iloc[0]
    x, y = point["relative_energy"], point["validation_accuracy"]
    ax.plot(
        [x], [y], "o", markersize=13, markerfacecolor="none", markeredgecolor="C1",
        markeredgewidth=2, linewidth=0, label="chosen",
    )  # fmt: skip
    tested = point.get("test_accuracy", float("nan"))
    if np.isfinite(tested):
        ax.plot([x, x], [y, tested], ":", color="C1", linewidth=1.2)
        ax.plot([x], [tested], "*", color="C1", markersize=12, label="chosen, on the test split")


def _informative(points: pd.DataFrame) -> tuple[float, float]:
    """Return limits of the accuracy, between which there is something to decide."""
    best = float(points["validation_accuracy"].max())
    seen = points["validation_accuracy"].dropna()
    # What has lost more than a tenth is out of the question; it would squeeze the rest.
    low = float(seen[seen >= best - 0.1].min())
    margin = max(0.006, 0.08 * (best - low))
    return low - margin, best + margin
