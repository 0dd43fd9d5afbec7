"""Plots that explain a layer's error: where its operands lie, how its errors spread, who predicts.

As in `analysis.plots`, every function draws into the axes that it is given, or into a figure of its
own that pyplot does not know, and returns the axes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import PercentFormatter

from analysis.frames import check_frame
from analysis.measurement.comparison import LayerComparison
from analysis.plots.operand_map import draw_operand_map
from analysis.plots.operand_order import ascending_operands
from analysis.plots.style import axes_or_new, figure_of, new_figure, pair_or_new
from multipliers import Multiplier
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_kind
from torchapprox import LayerTrace

COVERED_SHARES = (0.9, 0.5)
QUANTILES = (0.05, 0.5, 0.95)


def plot_errors_met(multiplier: Multiplier, trace: LayerTrace, ax: Axes | None = None) -> Axes:
    """Draw the error of every product, and over it the products that a layer really computes.

    The lines enclose the most frequent pairs of values that make up 50 % (thick) and 90 % (thin) of
    the layer's products, averaged over neighbours. Pairs with a 0 are left out of this count: their
    share is in the title.

    Args:
        multiplier: The multiplier.
        trace: The layer's operands.
        ax: Axes to draw into; new ones if None.
    """
    check_multiplier("multiplier", multiplier)
    check_kind("trace", trace, LayerTrace)
    ax = axes_or_new(ax, lambda: new_figure(4.7, 3.9).add_subplot())
    (x_values, rows), (w_values, columns) = ascending_operands(multiplier)
    error = multiplier.error[np.ix_(rows, columns)]
    limit = max(int(np.abs(error).max()), 1)
    bar = draw_operand_map(ax, multiplier, error, Normalize(-limit, limit))
    bar.set_label("error of the product")
    counts = trace.joint_counts[np.ix_(rows, columns)].astype(float)
    zero = np.logical_or.outer(x_values == 0, w_values == 0)
    with_zero = counts[zero].sum() / max(counts.sum(), 1)
    counts[zero] = 0
    smooth = _smoothed(counts)
    levels = [_level(smooth, share) for share in COVERED_SHARES]
    if smooth.max() > 0 and levels[0] < levels[1]:
        # Both on paper and on a dark page the map is white where there is no error.
        ax.contour(
            w_values, x_values, smooth, levels=levels, colors=["#3a3f47", "#000000"],
            linewidths=[0.9, 1.9],
        )  # fmt: skip
    ax.set_title(f"{with_zero:.0%} of the products have a factor 0")
    return ax


def plot_error_distribution(layer: LayerComparison, ax: Axes | None = None) -> Axes:
    """Draw the measured errors of a layer's outputs, the predicted normal, and their quantiles.

    Args:
        layer: Prediction and measurement.
        ax: Axes to draw into; new ones if None.
    """
    check_kind("layer", layer, LayerComparison)
    ax = axes_or_new(ax, lambda: new_figure(4.7, 3.9).add_subplot())
    errors = layer.measured.real_sample.ravel()
    predicted = layer.predicted
    mean, std = predicted.real_mean_per_output, predicted.real_std_per_output
    ax.hist(errors, bins=80, density=True, color="C0", alpha=0.75, label="measured")
    if std > 0:
        low, high = min(errors.min(), mean - 3 * std), max(errors.max(), mean + 3 * std)
        grid = np.linspace(low, high, 400)
        ax.plot(grid, _normal(grid, mean, std), color="C1", linewidth=1.8, label="predicted normal")
        channels = _normal(
            grid[:, None],
            predicted.real_channel_mean,
            np.maximum(predicted.real_channel_std, 1e-3 * std),
        )
        ax.plot(
            grid, channels.mean(axis=1), color="C1", linewidth=1.2, linestyle=":",
            label="predicted, a normal for each channel",
        )  # fmt: skip
    for quantile in np.quantile(errors, QUANTILES):
        ax.axvline(quantile, color="C0", linewidth=0.9, linestyle="--")
    ax.set_yticks([])
    ax.set_ylim(bottom=0)
    ax.set_xlabel("error of the output (dashed: 5, 50, 95 %)")
    ax.set_title("errors of the outputs")
    figure_of(ax).legend(loc="outside lower center", ncols=1)
    return ax


def plot_layer_errors(
    multiplier: Multiplier,
    trace: LayerTrace,
    layer: LayerComparison,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw `plot_errors_met` and `plot_error_distribution` of a layer side by side."""
    axes = pair_or_new(axes, lambda: new_figure(9.4, 4.3).subplots(1, 2))
    return plot_errors_met(multiplier, trace, axes[0]), plot_error_distribution(layer, axes[1])


def plot_model_scatter(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the predicted against the measured standard deviation, for every error model.

    Args:
        frame: From `analysis.compare`; pairs without error are left out.
        ax: Axes to draw into; new ones if None.

    Raises:
        ValueError: If no pair has an error.
    """
    columns = ["error_model", "measured_std", "predicted_std", "output_std", "std_ratio"]
    check_frame("frame", frame, columns)
    known = frame[(frame["measured_std"] > 0) & (frame["predicted_std"] > 0)]
    if known.empty:
        raise ValueError("'frame' must have a pair of layer and multiplier with an error, got none")
    ax = axes_or_new(ax, lambda: new_figure(9.4, 3.9).add_subplot())
    markers = "xv^s*oD"
    relative = known.assign(
        measured=known["measured_std"] / known["output_std"],
        ratio=known["std_ratio"],
    )
    for number, (name, group) in enumerate(relative.groupby("error_model", sort=False)):
        ax.plot(
            group["measured"], group["ratio"], markers[number % len(markers)],
            color=f"C{1 if name == 'paired' else 0}", fillstyle="none", markersize=6,
            alpha=1.0 if name == "paired" else 0.75, label=str(name).replace("_", " "),
        )  # fmt: skip
    ax.axhline(1, color="0.5", linewidth=1)
    ax.axhspan(0.95, 1.05, color="0.5", alpha=0.2, linewidth=0)
    ax.set_xscale("log")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel("measured standard deviation of the error / that of the output")
    ax.set_ylabel("predicted / measured")
    figure_of(ax).legend(loc="outside right upper")
    return ax


def _normal(grid: np.ndarray, mean: float | np.ndarray, std: float | np.ndarray) -> np.ndarray:
    density: np.ndarray = np.exp(-0.5 * ((grid - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    return density


def _smoothed(counts: np.ndarray, width: int = 13) -> np.ndarray:
    """Return counts averaged over neighbours, so that their contours are lines."""
    kernel = np.ones(width) / width
    for axis in (0, 1):
        counts = np.apply_along_axis(np.convolve, axis, counts, kernel, mode="same")
    return counts


def _level(counts: np.ndarray, share: float) -> float:
    """Return the count that those cells exceed which hold a share of all counts."""
    falling = np.sort(counts, axis=None)[::-1]
    covered = np.cumsum(falling)
    return float(falling[np.searchsorted(covered, share * covered[-1])])
