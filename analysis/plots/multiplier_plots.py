"""Plots of where and how often a multiplier errs, for a paper's column.

As in `analysis.plots`, every function draws into the axes that it is given, or into a figure of its
own of 85 mm width, and returns the axes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from analysis.plots.operand_map import draw_operand_map
from analysis.plots.operand_order import ascending_operands
from analysis.plots.result_plots import ERROR_LABEL, plot_error_histogram, plot_error_map
from analysis.plots.style import axes_or_new, figure_of, new_figure
from multipliers import Multiplier, error_distribution, error_profile
from multipliers.characterisation.error_profile import Operand
from multipliers.characterisation.population import Weights
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_number

COLUMN_INCHES = 85 / 25.4
_FEW_ERRORS = 100


def column_axes(height: float) -> Axes:
    """Return new axes in a figure of 85 mm width.

    Args:
        height: Height of the figure in inches.

    Examples:
        >>> from analysis.plots.style import figure_of
        >>> round(figure_of(column_axes(2.4)).get_figwidth() * 25.4)
        85
    """
    return new_figure(COLUMN_INCHES, height).add_subplot()


def column_plots(
    multiplier: Multiplier, *, weights: Weights = None
) -> dict[str, Callable[[], Axes]]:
    """Return every plot of one multiplier by a name, each to be drawn at column width.

    Args:
        multiplier: The multiplier.
        weights: How often each pair of codes occurs, for the plots against one operand and of the
            probabilities; all alike if None.

    Examples:
        >>> from multipliers import get
        >>> sorted(column_plots(get("drum4")))[:3]
        ['error_against_activation', 'error_against_weight', 'error_histogram']
    """
    check_multiplier("multiplier", multiplier)

    def of_profile(operand: Operand) -> Axes:
        return plot_error_profile(multiplier, operand, weights=weights)

    return {
        "error_map": lambda: plot_error_map(multiplier, column_axes(2.5)),
        "relative_error_map": lambda: plot_relative_error_map(multiplier),
        "error_histogram": lambda: plot_error_histogram(multiplier, column_axes(2.4)),
        "error_probability": lambda: plot_error_probability(multiplier, weights=weights),
        "error_against_activation": lambda: of_profile("x"),
        "error_against_weight": lambda: of_profile("w"),
    }


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
        'activation (unsigned 8-bit)'
    """
    check_multiplier("multiplier", multiplier)
    limit = check_number("limit", limit, above=0)
    ax = axes_or_new(ax, lambda: column_axes(2.5))
    (_, rows), (_, columns) = ascending_operands(multiplier)
    error = multiplier.error[np.ix_(rows, columns)].astype(float)
    exact = np.abs(multiplier.exact[np.ix_(rows, columns)]).astype(float)
    relative = np.divide(error, exact, out=np.full_like(error, np.nan), where=exact > 0)
    relative[error == 0] = 0
    norm = Normalize(-limit, limit, clip=True)
    bar = draw_operand_map(ax, multiplier, relative, norm, extend="both")
    ax.set_facecolor("0.6")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    bar.set_label("error / |exact product|")
    return ax


def plot_error_probability(
    multiplier: Multiplier, ax: Axes | None = None, *, weights: Weights = None
) -> Axes:
    """Draw the probability mass function of the error: one line per error that occurs.

    The probability of no error, which towers over the others or is missing, is written as text.

    Args:
        multiplier: The multiplier.
        ax: Axes to draw into; new ones if None.
        weights: How often each pair of codes occurs; all alike if None.

    Examples:
        >>> from multipliers import get
        >>> plot_error_probability(get("bam_h0_v4")).get_ylabel()
        'probability'
    """
    ax = axes_or_new(ax, lambda: column_axes(2.4))
    found = error_distribution(multiplier, weights=weights)
    wrong = found.errors != 0
    errors, probability = found.errors[wrong], found.probability[wrong]
    least = float(probability.min(initial=1)) / 2
    many = len(errors) > _FEW_ERRORS
    ax.vlines(errors, least, probability, color="C0", linewidth=0.3 if many else 1)
    ax.plot(errors, probability, "o", color="C0", markersize=1 if many else 2.5)
    ax.set_yscale("log")
    ax.set_ylim(bottom=least)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    correct = 1 - float(probability.sum())
    ax.set_title(f"{multiplier.name}, no error: {correct:.2%}")
    ax.set_xlabel(ERROR_LABEL)
    ax.set_ylabel("probability")
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
    ax = axes_or_new(ax, lambda: column_axes(2.4))
    profile = error_profile(multiplier, operand, weights=weights)
    series = (
        ("worst", profile.wce, "0.6"),
        ("mean absolute", profile.mae, "C0"),
        ("mean", profile.error_mean, "C1"),
    )
    for label, values, color in series:
        ax.plot(profile.values, values, color=color, linewidth=1.2, label=label)
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.margins(x=0)
    ax.xaxis.set_major_locator(MultipleLocator(max(1, len(profile.values) // 4)))
    ax.set_xlabel(f"{'activation' if operand == 'x' else 'weight'} value")
    ax.set_ylabel("error of the product")
    figure_of(ax).legend(loc="outside upper center", ncols=3, handlelength=1.2)
    return ax
