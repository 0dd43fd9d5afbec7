"""Predicted against measured error: of one multiplier's layers, and of many multipliers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from analysis.error_models import DEFAULT_MODEL, ERROR_MODELS, LayerError, predict_error
from analysis.frames import check_frame
from analysis.measurement.measure import MeasuredError, measure_many
from analysis.measurement.tracing import trace_batches
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind
from torchapprox import LayerTrace


@dataclass(frozen=True, slots=True)
class LayerComparison:
    """What was predicted from a trace, and what was measured, for one layer.

    Attributes:
        name: The layer's name.
        output_std: Standard deviation of the layer's exact output, in real units, from the trace.
        predicted: From the trace and the table of errors.
        measured: On other data.
    """

    name: str
    output_std: float
    predicted: LayerError
    measured: MeasuredError

    def relative(self, real_error: float) -> float:
        """Express an error in real units relative to the output's standard deviation."""
        return _ratio(real_error, self.output_std)

    @property
    def mean_difference(self) -> float:
        """Predicted minus measured mean, relative to the measured standard deviation."""
        difference = self.predicted.real_mean_per_output - self.measured.error.real_mean_per_output
        return _ratio(difference, self.measured.error.real_std_per_output)

    @property
    def std_ratio(self) -> float:
        """Predicted over measured standard deviation; 1 is perfect."""
        return _ratio(self.predicted.real_std_per_output, self.measured.error.real_std_per_output)

    def row(self) -> dict[str, float]:
        """Return the figures of `compare`, in real units."""
        return {
            "predicted_mean": self.predicted.real_mean_per_output,
            "measured_mean": self.measured.error.real_mean_per_output,
            "predicted_std": self.predicted.real_std_per_output,
            "measured_std": self.measured.error.real_std_per_output,
            "std_ratio": self.std_ratio,
            "mean_difference": self.mean_difference,
            "output_std": self.output_std,
        }


def compare_layers(
    multiplier: Multiplier,
    traces: Mapping[str, LayerTrace],
    measured: Mapping[str, MeasuredError],
    *,
    model: str = DEFAULT_MODEL,
) -> tuple[LayerComparison, ...]:
    """Put the prediction for each traced layer beside its measurement.

    Args:
        multiplier: The multiplier that was measured.
        traces: Operands by layer name.
        measured: Measured errors by layer name.
        model: Name of the error model; see `analysis.error_models.ERROR_MODELS`.

    Raises:
        LookupError: If a traced layer was not measured, or there is no such model.
        ValueError: If the multiplier's ports do not take a layer's operands.
    """
    check_kind("traces", traces, Mapping)
    check_kind("measured", measured, Mapping)
    missing = [name for name in traces if name not in measured]
    if missing:
        raise LookupError(f"'measured' must hold every traced layer, lacks {', '.join(missing)}")
    return tuple(
        LayerComparison(
            name=name,
            output_std=trace.output_std,
            predicted=predict_error(multiplier, trace, model=model),
            measured=measured[name],
        )
        for name, trace in traces.items()
    )


def compare(
    model: nn.Module,
    multipliers: Sequence[Multiplier],
    loader: Iterable[Any],
    *,
    calibration: Iterable[Any] | Mapping[str, LayerTrace] | None = None,
    error_models: Sequence[str] = tuple(ERROR_MODELS),
) -> pd.DataFrame:
    """Compare predictions with measurements for every layer, multiplier and error model.

    Args:
        model: A converted model whose quantisers fit the multipliers' ports; as before afterwards.
        multipliers: The multipliers; those that the layers hold do not matter.
        loader: Batches to measure on.
        calibration: Batches to predict from, or traces of them, so that the comparison is fair;
            the batches of ``loader``, which must then be repeatable, if None.
        error_models: Names in `analysis.ERROR_MODELS`.

    Returns:
        One row per layer, multiplier and error model, all figures per output in real units:
        `layer`, `multiplier`, `error_model`, `predicted_mean`, `measured_mean`, `predicted_std`,
        `measured_std`, `std_ratio` (predicted over measured), `mean_difference` (predicted minus
        measured, over the measured standard deviation) and `output_std` (of the exact output).
        Ratios are NaN where the multiplier makes no error.

    Raises:
        LookupError: If there is no error model of a name.
        ValueError: If there is no multiplier or no batch, or a multiplier's ports do not take a
            layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get
        >>> network, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(network, calibration=[x])
        >>> frame = compare(network, [get("mul8s_tm_k3")], [x], error_models=["paired", "rows"])
        >>> frame[["layer", "multiplier", "error_model"]].values.tolist()
        [['0.wrapped', 'mul8s_tm_k3', 'paired'], ['0.wrapped', 'mul8s_tm_k3', 'rows']]
    """
    check_multipliers("multipliers", multipliers)
    check_kind("error_models", error_models, Sequence)
    if not multipliers:
        raise ValueError("'multipliers' must hold at least one multiplier, got none")
    if isinstance(calibration, Mapping):
        traces: Mapping[str, LayerTrace] = calibration
    else:
        traces = trace_batches(model, loader if calibration is None else calibration)
    measured = measure_many(model, multipliers, loader)
    return pd.concat(
        [
            compare_models(multiplier, traces, own, error_models=error_models)
            for multiplier, own in zip(multipliers, measured, strict=True)
        ],
        ignore_index=True,
    )


def compare_models(
    multiplier: Multiplier,
    traces: Mapping[str, LayerTrace],
    measured: Mapping[str, MeasuredError],
    *,
    error_models: Sequence[str] = tuple(ERROR_MODELS),
) -> pd.DataFrame:
    """Put the predictions of several error models beside what was measured.

    Args:
        multiplier: The multiplier that was measured.
        traces: Operands by layer name.
        measured: Measured errors by layer name.
        error_models: Names in `analysis.ERROR_MODELS`.

    Returns:
        A frame as `compare` returns it.

    Raises:
        LookupError: If a traced layer was not measured, or there is no error model of a name.
        ValueError: If the multiplier's ports do not take a layer's operands.
    """
    return pd.DataFrame(
        [
            {"layer": layer.name, "multiplier": multiplier.name, "error_model": name} | layer.row()
            for name in error_models
            for layer in compare_layers(multiplier, traces, measured, model=name)
        ]
    )


def ratio_quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Say how good each error model is, over all pairs of a layer and a multiplier.

    Quantiles of the ratio and never a correlation: over multipliers whose errors differ by orders
    of magnitude, any model correlates almost perfectly. Pairs without any error are left out.

    Args:
        frame: From `compare`.

    Returns:
        One row per error model, in the frame's order: `error_model`, `pairs`, the median, the 5 %
        and the 95 % quantile of the ratio of standard deviations, the shares of pairs `within_1`
        and `within_5` per cent, and the median and 95 % quantile of the mean's absolute error
        relative to the measured standard deviation.

    Examples:
        >>> frame = pd.DataFrame(
        ...     {"error_model": "paired", "std_ratio": [1.0, 1.02, 1.2], "mean_difference": 0.01}
        ... )
        >>> ratio_quantiles(frame)[["pairs", "median", "within_5"]].round(2).values.tolist()
        [[3.0, 1.02, 0.67]]
    """
    check_frame("frame", frame, ["error_model", "std_ratio", "mean_difference"])
    rows = []
    for name, group in frame.groupby("error_model", sort=False):
        known = group[np.isfinite(group["std_ratio"])]
        ratio, mean = known["std_ratio"], known["mean_difference"].abs()
        rows.append(
            {
                "error_model": name,
                "pairs": len(known),
                "median": ratio.median(),
                "q05": ratio.quantile(0.05),
                "q95": ratio.quantile(0.95),
                "within_1": float((abs(ratio - 1) <= 0.01).mean()),
                "within_5": float((abs(ratio - 1) <= 0.05).mean()),
                "mean_median": mean.median(),
                "mean_q95": mean.quantile(0.95),
            }
        )
    return pd.DataFrame(rows)


def _ratio(numerator: float, denominator: float) -> float:
    """Quotient; NaN where the denominator is 0, as for the errors of an exact multiplier."""
    return numerator / denominator if denominator else float("nan")
