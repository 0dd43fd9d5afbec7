"""Predicted against measured error of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.measure import MeasuredError
from analysis.statistics import PredictedError, predict_error
from multipliers import Multiplier
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
    predicted: PredictedError
    measured: MeasuredError

    def relative(self, real_error: float) -> float:
        """Express an error in real units relative to the output's standard deviation."""
        return _ratio(real_error, self.output_std)

    @property
    def mean_difference(self) -> float:
        """Predicted minus measured mean, relative to the measured standard deviation."""
        difference = self.predicted.real_mean_per_output - self.measured.real_mean_per_output
        return _ratio(difference, self.measured.real_std_per_output)

    @property
    def std_ratio(self) -> float:
        """Predicted over measured standard deviation; 1 is perfect."""
        return _ratio(self.predicted.real_std_per_output, self.measured.real_std_per_output)


def compare(
    multiplier: Multiplier,
    traces: Mapping[str, LayerTrace],
    measured: Mapping[str, MeasuredError],
) -> tuple[LayerComparison, ...]:
    """Put the prediction for each traced layer beside its measurement.

    Args:
        multiplier: The multiplier that was measured.
        traces: Operands by layer name.
        measured: Measured errors by layer name.

    Raises:
        LookupError: If a traced layer was not measured.
        ValueError: If the multiplier's ports do not take a layer's operands.

    Examples:
        >>> from analysis.measure import measure_errors
        >>> import torch, torchapprox
        >>> from multipliers import truncated_multiplier
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> with torchapprox.trace(model) as traces:
        ...     _ = model(x)
        >>> truncated = Multiplier.from_netlist(truncated_multiplier(3, signed=True))
        >>> (layer,) = compare(truncated, traces, measure_errors(model, truncated, [x]))
        >>> abs(layer.mean_difference) < 1e-6
        True
    """
    missing = [name for name in traces if name not in measured]
    if missing:
        raise LookupError(f"'measured' must hold every traced layer, lacks {', '.join(missing)}")
    return tuple(
        LayerComparison(
            name=name,
            output_std=trace.output_std,
            predicted=predict_error(multiplier, trace),
            measured=measured[name],
        )
        for name, trace in traces.items()
    )


def _ratio(numerator: float, denominator: float) -> float:
    """Quotient; NaN where the denominator is 0, as for the errors of an exact multiplier."""
    return numerator / denominator if denominator else float("nan")
