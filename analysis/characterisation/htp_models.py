"""HTP models of one multiplier by their number of calls: as a data frame, and as a plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.frames import check_frame
from analysis.plots.multiplier_plots import column_axes
from analysis.plots.style import axes_or_new, figure_of
from htp import HtpModel
from multipliers.parameters import check_kind


def model_frame(models: Sequence[HtpModel]) -> pd.DataFrame:
    """Return one row per model: what its certificate says.

    Columns: name, calls (products of the base function's size), exact_share (a fraction),
    mean_abs_difference, max_abs_difference, error_mean_difference, error_std_difference; all per
    product, model - multiplier.

    Args:
        models: Models with certificates.

    Raises:
        ValueError: If a model has no certificate.

    Examples:
        >>> from htp import fit_path
        >>> from multipliers import get
        >>> frame = model_frame(list(fit_path(get("mul8u_tm_k3"), terms=2, basis="named")))
        >>> frame["calls"].tolist(), frame["max_abs_difference"].round().tolist()
        ([1, 2, 3], [3521.0, 1700.0, 0.0])
    """
    rows = []
    check_kind("models", models, Iterable)
    for model in models:
        check_kind("models", model, HtpModel, advice="htp.fit() makes one")
        certificate = model.certificate
        if certificate is None:
            raise ValueError(f"'models' must have certificates, {model.name!r} has none")
        rows.append(
            {
                "name": model.name,
                "calls": certificate.calls,
                "exact_share": certificate.exact_share,
                "mean_abs_difference": certificate.mean_abs_difference,
                "max_abs_difference": certificate.max_abs_difference,
                "error_mean_difference": certificate.error_mean_difference,
                "error_std_difference": certificate.error_std_difference,
            }
        )
    return pd.DataFrame(rows)


def plot_model_calls(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw greatest and mean absolute difference of models against their number of calls.

    Args:
        frame: One row per model, as `model_frame` makes it.
        ax: Axes to draw into; new ones if None.

    Raises:
        ValueError: If the frame is empty.

    Examples:
        >>> rows = {"calls": [1, 2], "mean_abs_difference": [9, 0], "max_abs_difference": [30, 0]}
        >>> ax = plot_model_calls(pd.DataFrame(rows))
        >>> [line.get_label() for line in ax.get_lines()]
        ['greatest', 'mean']
    """
    check_frame("frame", frame, ["calls", "max_abs_difference", "mean_abs_difference"])
    if frame.empty:
        raise ValueError("'frame' must have at least one model, got none")
    ax = axes_or_new(ax, lambda: column_axes(2.4))
    frame = frame.sort_values("calls", kind="stable")
    series = (("greatest", "max_abs_difference"), ("mean", "mean_abs_difference"))
    # No lines: an exact model stands beside those that are fitted with as many calls.
    for number, (label, column) in enumerate(series):
        ax.plot(
            frame["calls"], frame[column], "o", color=f"C{number}", markersize=3.5, label=label,
            clip_on=False,
        )  # fmt: skip
    # Exact models differ by 0, which a plain logarithmic axis cannot show.
    positive = frame["mean_abs_difference"][lambda values: values > 0]
    ax.set_yscale("symlog", linthresh=positive.min() if len(positive) else 1)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("calls of the exact product")
    ax.set_ylabel("|model - multiplier|")
    figure_of(ax).legend(loc="outside upper center", ncols=2, handlelength=1.2)
    return ax
