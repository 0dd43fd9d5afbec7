"""The figures of a run as data frames: the source of both the CSV files and the HTML tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import NormalDist

import numpy as np
import pandas as pd

from analysis.measurement.comparison import LayerComparison, ratio_quantiles
from analysis.measurement.layer_costs import LayerCost
from analysis.plots.operand_order import ascending_operands
from analysis.reports.results import Accuracy, Results
from multipliers import ErrorFigures, MredConvention, Multiplier, characterise, code_values
from torchapprox import LayerTrace

QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)

FIGURE_MEANINGS: dict[str, str] = {
    "error_mean": "mean error (approximate - exact), the bias",
    "error_std": "standard deviation of the error",
    "mae": "mean absolute error",
    "wce": "worst-case absolute error",
    "mred": "mean relative error distance, |error| / |exact product|; {convention}",
    "error_rate": "share of operand pairs whose product is wrong",
    "mse": "mean squared error",
    "nmed": "normalised mean error distance, mae / 2^(bits of both operands)",
    "nwce": "normalised worst case, wce / 2^(bits of both operands)",
    "wcre": "worst-case relative error, where the exact product is not 0",
}
"""What each figure of `multipliers.characterise` means, in the order of the tables."""

MRED_CONVENTIONS: dict[MredConvention, str] = {
    "skip-zero": "pairs whose exact product is 0 are left out",
    "max-one": "an exact product of 0 counts as 1",
    "zero-counts": "pairs whose exact product is 0 count as no error",
}
"""What each convention of the MRED does with a relative error that has no denominator."""


def accuracy_table(accuracies: Sequence[Accuracy]) -> pd.DataFrame:
    """One row per stage: stage, correct, images, accuracy (a fraction).

    Examples:
        >>> accuracy_table([Accuracy("float", "as trained", correct=3, images=4)])
           stage  correct  images  accuracy
        0  float        3       4      0.75
    """
    return pd.DataFrame(
        {
            "stage": [row.stage for row in accuracies],
            "correct": [row.correct for row in accuracies],
            "images": [row.images for row in accuracies],
            "accuracy": [row.share for row in accuracies],
        }
    )


def multiplier_table(figures: ErrorFigures) -> pd.DataFrame:
    """One row per figure: figure, value (per product; fractions, not per cent), meaning.

    The meaning of the MRED names its convention.
    """
    values = asdict(figures)
    meanings = dict(FIGURE_MEANINGS)
    convention = figures.mred_convention
    meanings["mred"] = meanings["mred"].format(
        convention=f"convention {convention}: {MRED_CONVENTIONS[convention]}"
    )
    return pd.DataFrame(
        {
            "figure": list(meanings),
            "value": [float(values[name]) for name in meanings],
            "meaning": list(meanings.values()),
        }
    )


def error_counts_table(multiplier: Multiplier) -> pd.DataFrame:
    """How many operand pairs have each error: error, pairs.

    Examples:
        >>> from multipliers import exact_products
        >>> even = Multiplier.from_lut(exact_products(True, True) & ~1, name="even")
        >>> error_counts_table(even)
           error  pairs
        0     -1  16384
        1      0  49152
    """
    errors, pairs = np.unique(multiplier.error[np.ix_(*multiplier.valid)], return_counts=True)
    return pd.DataFrame({"error": errors, "pairs": pairs})


def error_map_table(multiplier: Multiplier) -> pd.DataFrame:
    """Error of every product: a row per activation value, a column per weight value, ascending."""
    (x_values, x_codes), (w_values, w_codes) = ascending_operands(multiplier)
    errors = multiplier.error[np.ix_(x_codes, w_codes)]
    return pd.DataFrame(errors, index=x_values, columns=w_values).rename_axis(index="activation")


def layer_table(layers: Sequence[LayerComparison]) -> pd.DataFrame:
    """One row per layer: predicted and measured error per output, in both units.

    Columns that start with `real_` are in real units, the others in units of the accumulator. Error
    = approximate - exact.
    """
    return pd.DataFrame(
        [
            {
                "layer": layer.name,
                "fan_in": layer.predicted.fan_in,
                "outputs_measured": layer.measured.outputs,
                "predicted_mean_per_output": layer.predicted.mean_per_output,
                "measured_mean_per_output": layer.measured.error.mean_per_output,
                "predicted_std_per_output": layer.predicted.std_per_output,
                "measured_std_per_output": layer.measured.error.std_per_output,
                "real_output_std": layer.output_std,
                "real_predicted_mean": layer.predicted.real_mean_per_output,
                "real_measured_mean": layer.measured.error.real_mean_per_output,
                "real_predicted_std": layer.predicted.real_std_per_output,
                "real_measured_std": layer.measured.error.real_std_per_output,
                "real_measured_std_between_channels": (
                    layer.measured.error.real_std_between_channels
                ),
                "real_measured_std_between_rows": layer.measured.real_std_between_rows,
                "std_ratio": layer.std_ratio,
            }
            for layer in layers
        ]
    )


def cost_table(costs: Sequence[LayerCost]) -> pd.DataFrame:
    """One row per layer, with the fields of `LayerCost`; shares are fractions."""
    return pd.DataFrame([asdict(cost) for cost in costs])


def quantile_table(layers: Sequence[LayerComparison]) -> pd.DataFrame:
    """One row per layer: quantiles of the error of its outputs, measured and of a normal.

    Columns `layer`, then `measured_q01`, `normal_q01` and so on, in real units; the normal has the
    predicted mean and standard deviation.
    """
    rows = []
    for layer in layers:
        row: dict[str, object] = {"layer": layer.name}
        error = layer.predicted
        for share in QUANTILES:
            measured = float(np.quantile(layer.measured.real_sample, share))
            normal = NormalDist().inv_cdf(share)
            row[f"measured_q{100 * share:02.0f}"] = measured
            row[f"normal_q{100 * share:02.0f}"] = (
                error.real_mean_per_output + normal * error.real_std_per_output
            )
        rows.append(row)
    return pd.DataFrame(rows)


def operand_table(traces: Mapping[str, LayerTrace]) -> pd.DataFrame:
    """How often each layer multiplied each value: layer, operand, value, count."""
    frames = []
    for name, trace in traces.items():
        for operand, counts, signed in (
            ("activation", trace.x_histogram, trace.x_signed),
            ("weight", trace.w_histogram, trace.w_signed),
        ):
            values = code_values(signed)
            order = np.argsort(values)
            frames.append(
                pd.DataFrame(
                    {
                        "layer": name,
                        "operand": operand,
                        "value": values[order],
                        "count": counts[order],
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def all_tables(results: Results) -> dict[str, pd.DataFrame]:
    """Every table of a run by the stem of its file's name."""
    explanation = results.explanation
    provenance = {"item": list(results.provenance), "value": list(results.provenance.values())}
    return {
        "accuracy": accuracy_table(results.accuracies),
        "multiplier": multiplier_table(characterise(explanation.multiplier)),
        "error_counts": error_counts_table(explanation.multiplier),
        "error_map": error_map_table(explanation.multiplier).reset_index(),
        "costs": cost_table(explanation.costs),
        "layers": layer_table(explanation.layers),
        "quantiles": quantile_table(explanation.layers),
        "predictions": explanation.predictions,
        "error_models": ratio_quantiles(explanation.predictions),
        "alternatives": explanation.alternatives,
        "operands": operand_table(explanation.traces),
        "provenance": pd.DataFrame(provenance),
    }
