"""Plots that compare multipliers or show where one errs, for a paper's column.

As in `analysis.plots`, every function draws into the axes that it is given, or into a figure of its
own of 85 mm width, and returns the axes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MultipleLocator, PercentFormatter

from analysis.multiplier_frame import pareto_front
from analysis.operand_order import ascending_operands
from analysis.style import figure_of, new_figure
from multipliers import Multiplier, error_profile
from multipliers.error_profile import Operand
from multipliers.population import Weights

COLUMN_INCHES = 85 / 25.4


def plot_relative_error_map(
    multiplier: Multiplier, ax: Axes | None = None, *, limit: float = 1.0
) -> Axes:
    """Draw the error of every product relative to the exact product's size.

    White where both products are equal; grey where the exact product is 0 and the other is not.

    Args:
        multiplier: The multiplier.
        ax: Axes to draw into; new ones if None.
        limit: Relative error of the strongest colour; larger ones look alike.

    Raises:
        ValueError: If `limit` is not positive.

    Examples:
        >>> from multipliers import get
        >>> plot_relative_error_map(get("drum3")).get_ylabel()
        'activation'
    """
    if not limit > 0:
        raise ValueError(f"'limit' must be positive, got {limit}")
    if ax is None:
        ax = new_figure(COLUMN_INCHES, 2.8).add_subplot()
    (x_values, rows), (w_values, columns) = ascending_operands(multiplier)
    error = multiplier.error[np.ix_(rows, columns)].astype(float)
    exact = np.abs(multiplier.exact[np.ix_(rows, columns)]).astype(float)
    relative = np.divide(error, exact, out=np.full_like(error, np.nan), where=exact > 0)
    relative[error == 0] = 0
    image = ax.imshow(
        relative,
        cmap="RdBu_r",
        norm=Normalize(-limit, limit, clip=True),
        origin="lower",
        interpolation="nearest",
        extent=(w_values[0] - 0.5, w_values[-1] + 0.5, x_values[0] - 0.5, x_values[-1] + 0.5),
    )
    ax.set_facecolor("0.6")
    ax.grid(visible=False)
    ax.set_xlabel("weight")
    ax.set_ylabel("activation")
    ax.set_title(multiplier.name)
    bar = figure_of(ax).colorbar(image, ax=ax, fraction=0.046, pad=0.04, extend="both")
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    bar.set_label("error / |exact product|")
    return ax


def plot_error_profile(
    multiplier: Multiplier,
    operand: Operand,
    ax: Axes | None = None,
    *,
    weights: Weights = None,
) -> Axes:
    """Draw mean, mean absolute and greatest error against the value of one operand.

    Args:
        multiplier: The multiplier.
        operand: ``"x"``, the activation, or ``"w"``, the weight.
        ax: Axes to draw into; new ones if None.
        weights: How often each pair of codes occurs; all alike if None.

    Examples:
        >>> from multipliers import get
        >>> ax = plot_error_profile(get("drum4"), "w")
        >>> [line.get_label() for line in ax.get_lines()][:3]
        ['worst', 'mean absolute', 'mean']
    """
    if ax is None:
        ax = new_figure(COLUMN_INCHES, 2.4).add_subplot()
    profile = error_profile(multiplier, operand, weights=weights)
    series = (("worst", profile.wce), ("mean absolute", profile.mae), ("mean", profile.error_mean))
    for number, (label, values) in enumerate(series):
        ax.plot(profile.values, values, color=f"C{number}", linewidth=1.2, label=label)
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.margins(x=0)
    ax.xaxis.set_major_locator(MultipleLocator(max(1, len(profile.values) // 4)))
    ax.set_xlabel(f"{'activation' if operand == 'x' else 'weight'} value")
    ax.set_ylabel("error of the product")
    figure_of(ax).legend(loc="outside upper center", ncols=3, handlelength=1.2)
    return ax


def plot_pareto(
    frame: pd.DataFrame,
    ax: Axes | None = None,
    *,
    error: str = "mae",
    cost: str = "energy_unit_gates",
) -> Axes:
    """Draw error against cost of each multiplier, and the front that none of them beats.

    Args:
        frame: One row per multiplier, as `analysis.comparison_frame` makes it.
        ax: Axes to draw into; new ones if None.
        error: Column of the error; its magnitude is drawn.
        cost: Column of the cost.

    Raises:
        LookupError: If there is no such column.
        ValueError: If no row has both figures.

    Examples:
        >>> frame = pd.DataFrame({"name": ["a", "b"], "mae": [0.0, 5.0], "area": [9, 4]})
        >>> plot_pareto(frame, cost="area").get_xlabel()
        'area'
    """
    front = pareto_front(frame, error, cost)
    if front.empty:
        raise ValueError(f"'frame' must have rows with both {error!r} and {cost!r}, got none")
    if ax is None:
        ax = new_figure(COLUMN_INCHES, 2.8).add_subplot()
    ax.plot(frame[cost], frame[error].abs(), "o", color="0.65", markersize=4, label="dominated")
    ax.plot(
        front[cost], front[error].abs(), "o-", color="C0", markersize=5, linewidth=1.2,
        drawstyle="steps-post", label="Pareto front",
    )  # fmt: skip
    for _, row in front.iterrows():
        ax.annotate(
            str(row["name"]), (row[cost], abs(row[error])), xytext=(4, 4),
            textcoords="offset points", fontsize=6.5,
        )  # fmt: skip
    # Exact multipliers have error 0, which a plain logarithmic axis cannot show.
    smallest = frame[error].abs()[lambda values: values > 0].min()
    ax.set_yscale("symlog", linthresh=smallest if smallest > 0 else 1)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.12)
    ax.set_xlabel(cost.replace("_", " "))
    ax.set_ylabel(error)
    figure_of(ax).legend(loc="outside upper center", ncols=2)
    return ax
