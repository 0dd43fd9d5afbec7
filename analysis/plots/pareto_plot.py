"""Plot of several multipliers' error against their cost, for a paper's column."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from analysis.characterisation.multiplier_frame import pareto_front
from analysis.plots.multiplier_plots import column_axes
from analysis.plots.style import axes_or_new, figure_of

_MOST_LABELS = 12
_MARKER_POINTS = 5
# To the right of a point, or to the left of it, where the front leaves room below.
_OFFSETS_POINTS = ((5, 6), (-5, -7), (5, -7), (5, 14), (-5, -15), (5, -15), (5, 22), (5, -23))
_LABELS = {
    "area_unit_gates": "area (unit gates)",
    "delay_unit_gates": "delay (unit gates)",
    "energy_on_operands": "energy on the operand stream",
    "energy_unit_gates": "relative energy (unit-gate changes)",
    "error_mean": "|mean error|",
    "error_rate": "error rate",
    "mae": "mean absolute error",
    "mred": "mean relative error",
    "mse": "mean squared error",
    "wce": "worst-case error",
    "wcre": "worst-case relative error",
}


def plot_pareto(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    error: str = "mae",
    cost: str = "energy_unit_gates",
) -> Axes:
    """Draw error against cost of each multiplier, and the front that none of them beats.

    The members of the front are named where there is room, if there are at most twelve; of several
    with equal figures the first, with the number of the others.

    Args:
        frame: One row per multiplier, as `analysis.comparison_frame` makes it.
        ax: Axes to draw into; new ones if None.
        error: Column of the error; its magnitude is drawn.
        cost: Column of the cost.

    Raises:
        LookupError: If there is no such column.
        TypeError: If a column holds no numbers.
        ValueError: If no row has both figures, or the costs are of several units.

    Examples:
        >>> frame = pd.DataFrame({"name": ["a", "b"], "mae": [0.0, 5.0], "area": [9, 4]})
        >>> plot_pareto(frame, cost="area").get_xlabel()
        'area'
    """
    front = pareto_front(frame, error, cost)
    if front.empty:
        raise ValueError(f"'frame' must have rows with both {error!r} and {cost!r}, got none")
    ax = axes_or_new(ax, lambda: column_axes(2.6))
    dominated = frame.drop(index=front.index)
    ax.plot(
        dominated[cost], dominated[error].abs(), "o", color="0.65", markersize=3.5,
        label="dominated", clip_on=False,
    )  # fmt: skip
    ax.plot(
        front[cost], front[error].abs(), "o-", color="C0", markersize=_MARKER_POINTS, linewidth=1.2,
        drawstyle="steps-post", label="Pareto front", clip_on=False,
    )  # fmt: skip
    # Exact multipliers have error 0, which a plain logarithmic axis cannot show.
    smallest = frame[error].abs()[lambda values: values > 0].min()
    ax.set_yscale("symlog", linthresh=smallest if smallest > 0 else 1)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.12)
    unit = f", {front[f'{cost}_unit'].iloc[0]}" if f"{cost}_unit" in front else ""
    ax.set_xlabel(_LABELS.get(cost, cost.replace("_", " ")) + unit)
    ax.set_ylabel(_LABELS.get(error, error.replace("_", " ")))
    figure_of(ax).legend(loc="outside upper center", ncols=2)
    if len(front) <= _MOST_LABELS:
        _name_points(ax, front[cost], front[error].abs(), front["name"])
    return ax


def _name_points(ax: Axes, x: pd.Series, y: pd.Series, names: pd.Series) -> None:
    """Write the names beside points, where they cover neither points nor one another."""
    figure = figure_of(ax)
    figure.draw_without_rendering()  # so that the texts' extents are known
    radius = _MARKER_POINTS / 2 * figure.dpi / 72
    centres = ax.transData.transform(list(zip(x, y, strict=True)))
    shown = [Bbox([centre - radius, centre + radius]) for centre in centres]
    for (point_x, point_y), there in names.groupby([x, y], sort=False):
        text = there.iloc[0] if len(there) == 1 else f"{there.iloc[0]} +{len(there) - 1}"
        for offset in _OFFSETS_POINTS:
            side = "left" if offset[0] > 0 else "right"
            label = ax.annotate(
                text, (point_x, point_y), xytext=offset, textcoords="offset points", fontsize=6.5,
                ha=side, va="center",
            )  # fmt: skip
            extent = label.get_window_extent()
            if extent.x0 > ax.bbox.x0 and not extent.count_overlaps(shown):
                shown.append(extent)
                break
            label.remove()
