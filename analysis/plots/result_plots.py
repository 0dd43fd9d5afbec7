"""Plots of multipliers, operands and errors.

Every function draws into the axes that it is given, or into a figure of its own that pyplot does
not know, and returns the axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator, PercentFormatter
from numpy.typing import NDArray

from analysis.measurement.comparison import LayerComparison
from analysis.plots.operand_map import draw_operand_map
from analysis.plots.operand_order import ascending_operands
from analysis.plots.style import axes_or_new, figure_of, new_figure, pair_or_new
from multipliers import Multiplier, code_values
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_kind
from torchapprox import LayerTrace

_MAX_BINS = 80
ERROR_LABEL = "error of the product (approximate \N{MINUS SIGN} exact)"


def plot_error_map(multiplier: Multiplier, ax: Axes | None = None) -> Axes:
    """Draw the error of every product over the values of both operands.

    Red where the product is too large, blue where it is too small, white where it is exact.

    Args:
        multiplier: The multiplier.
        ax: Axes to draw into; new ones if None.

    Examples:
        >>> from multipliers import exact_products
        >>> even = Multiplier.from_lut(exact_products(True, True) & ~1, name="even")
        >>> plot_error_map(even).get_xlabel()
        'weight (signed 8-bit)'
    """
    check_multiplier("multiplier", multiplier)
    ax = axes_or_new(ax, lambda: new_figure(4.7, 3.9).add_subplot())
    (_, rows), (_, columns) = ascending_operands(multiplier)
    error = multiplier.error[np.ix_(rows, columns)]
    limit = max(int(np.abs(error).max()), 1)
    bar = draw_operand_map(ax, multiplier, error, Normalize(-limit, limit))
    bar.set_label(ERROR_LABEL)
    return ax


def plot_error_histogram(
    multiplier: Multiplier,
    ax: Axes | None = None,
    *,
    joint_counts: NDArray[np.integer] | None = None,
) -> Axes:
    """Draw how often each error occurs, over all operand pairs and over those of a network.

    Args:
        multiplier: The multiplier.
        ax: Axes to draw into; new ones if None.
        joint_counts: How often a network multiplies each pair of codes, integers `(256, 256)`;
            None leaves its outline out.

    Examples:
        >>> from multipliers import exact_products
        >>> even = Multiplier.from_lut(exact_products(True, True) & ~1, name="even")
        >>> plot_error_histogram(even).get_ylabel()
        'share of products (logarithmic)'
    """
    check_multiplier("multiplier", multiplier)
    check_kind("joint_counts", joint_counts, np.ndarray | None)
    ax = axes_or_new(ax, lambda: new_figure(4.7, 3.9).add_subplot())
    codes = np.ix_(*multiplier.valid)
    error = multiplier.error[codes].ravel()
    edges = _bin_edges(int(error.min()), int(error.max()))
    pairs, _ = np.histogram(error, edges)
    ax.stairs(pairs / error.size, edges, fill=True, color="C0", label="all operand pairs")
    if joint_counts is not None:
        products, _ = np.histogram(error, edges, weights=joint_counts[codes].ravel())
        share = products / joint_counts.sum()
        ax.stairs(share, edges, color="C1", linewidth=1.6, label="pairs of this network")
    ax.axvline(0, color="0.5", linewidth=0.8)
    # A network multiplies by 0 so often that its exact products would dwarf all others.
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: _percent(share)))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel(ERROR_LABEL)
    ax.set_ylabel("share of products (logarithmic)")
    figure_of(ax).legend(loc="outside upper center", ncols=2)
    return ax


def plot_operands(trace: LayerTrace, axes: tuple[Axes, Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw how often a layer multiplies each activation and each weight value.

    Args:
        trace: The layer's operands.
        axes: Axes for the activations and for the weights; new ones if None.

    Examples:
        >>> import torch, torchapprox
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> [ax.get_xlabel() for ax in plot_operands(traces["0.wrapped"])]
        ['activation value (unsigned 8-bit code)', 'weight value (signed 8-bit code)']
    """
    check_kind("trace", trace, LayerTrace)
    axes = pair_or_new(axes, lambda: new_figure(9.4, 2.4).subplots(1, 2))
    operands = (
        ("activation", trace.x_histogram, trace.x_signed),
        ("weight", trace.w_histogram, trace.w_signed),
    )
    for index, (ax, (operand, counts, signed)) in enumerate(zip(axes, operands, strict=True)):
        values = code_values(signed)
        order = np.argsort(values)
        values, share = values[order], counts[order] / max(int(counts.sum()), 1)
        edges = np.append(values, values[-1] + 1) - 0.5
        ax.stairs(share, edges, fill=True, color=f"C{index}")
        _limit_to_second(ax, values, share)
        occurring = values[share > 0]
        ax.set_title(f"{operand}s: {_minus(occurring[0])} to {_minus(occurring[-1])}")
        ax.set_xlim(edges[0], edges[-1])
        ax.xaxis.set_major_locator(MultipleLocator(64))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        ax.set_xlabel(f"{operand} value ({'signed' if signed else 'unsigned'} 8-bit code)")
    axes[0].set_ylabel("share of products")
    return axes


def plot_predictions(
    layers: Sequence[LayerComparison], axes: tuple[Axes, Axes] | None = None
) -> tuple[Axes, Axes]:
    """Draw the predicted against the measured error of each layer's outputs.

    Both in units of the standard deviation of the layer's exact output, so that layers compare.

    Args:
        layers: The layers, in the order of the network.
        axes: Axes for the mean and for the standard deviation; new ones if None.
    """
    check_kind("layers", layers, Sequence)
    for layer in layers:
        check_kind("layers", layer, LayerComparison)
    height = 0.42 * len(layers) + 1.5
    axes = pair_or_new(axes, lambda: new_figure(9.4, height).subplots(1, 2, sharey=True))
    rows = np.arange(len(layers))
    panels = (
        (
            "mean error per output",
            [layer.relative(layer.predicted.real_mean_per_output) for layer in layers],
            [layer.relative(layer.measured.error.real_mean_per_output) for layer in layers],
        ),
        (
            "standard deviation of the error",
            [layer.relative(layer.predicted.real_std_per_output) for layer in layers],
            [layer.relative(layer.measured.error.real_std_per_output) for layer in layers],
        ),
    )
    for ax, (title, predicted, measured) in zip(axes, panels, strict=True):
        ax.hlines(rows, predicted, measured, color="0.6", linewidth=1.5)
        ax.plot(measured, rows, "o", color="C0", markersize=7, label="measured")
        ax.plot(
            predicted, rows, "D", color="C1", markersize=7, fillstyle="none",
            markeredgewidth=1.8, label="predicted",
        )  # fmt: skip
        ax.axvline(0, color="0.5", linewidth=0.8)
        ax.margins(x=0.08)
        ax.set_title(title)
        ax.set_xlabel("error / standard deviation of the output")
        ax.set_yticks(rows, [layer.name for layer in layers])
        ax.grid(visible=False, axis="y")
    axes[1].set_xlim(left=0)
    axes[0].set_ylim(len(layers) - 0.5, -0.5)
    axes[1].set_ylim(len(layers) - 0.5, -0.5)
    figure_of(axes[0]).legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return axes


def _limit_to_second(
    ax: Axes, values: NDArray[np.int32], share: NDArray[np.float64], *, factor: float = 3
) -> None:
    """Cut off a value that towers over all others, such as the 0 of a ReLU, and write its share."""
    peak = int(share.argmax())
    second = float(np.delete(share, peak).max())
    if second > 0 and share[peak] > factor * second:
        ax.set_ylim(top=1.15 * second)
        ax.annotate(
            f"{_minus(values[peak])}: {share[peak]:.1%}",
            (values[peak], 1.15 * second),
            xytext=(-6, -2),
            textcoords="offset points",
            ha="right",
            va="top",
        )


def _bin_edges(low: int, high: int) -> NDArray[np.float64]:
    """Edges of at most `_MAX_BINS` bins of equal whole width that cover `low` to `high`."""
    width = -(-(high - low + 1) // _MAX_BINS)
    bins = -(-(high - low + 1) // width)
    edges: NDArray[np.float64] = low - 0.5 + width * np.arange(bins + 1, dtype=np.float64)
    return edges


def _percent(share: float) -> str:
    return f"{np.format_float_positional(100 * share, precision=9, trim='-')}%"


def _minus(value: int | np.integer) -> str:
    return str(value).replace("-", "\N{MINUS SIGN}")
