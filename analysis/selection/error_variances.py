"""The predicted error of every layer on every multiplier, relative to the layer's output.

For output channels o with mean error m_o and its standard deviation s_o, in real units::

    v = mean_o(m_o**2 + s_o**2) / Var(y)

With the mean errors folded into the biases (`torchapprox.fold_mean_error`), those of layers that
have a bias vanish, and ``v = mean_o(s_o**2) / Var(y)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.error_models import DEFAULT_MODEL, ErrorModel, LayerError, predict_error
from analysis.progress import hidden
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind
from multipliers.wording import counted
from torchapprox import LayerTrace
from torchapprox.conversion.wrapping import float_name


@dataclass(frozen=True, slots=True, eq=False)
class ErrorVariances:
    """Relative error variances of layers (rows) on multipliers (columns).

    Attributes:
        layers: Names of the layers in the float model.
        multipliers: The multipliers.
        macs: Multiplications of each layer in the traced batches, int64 `(L,)`.
        plain: With the mean error, float64 `(L, M)`.
        folded: With the mean error folded into the bias where there is one, float64 `(L, M)`.
    """

    layers: tuple[str, ...]
    multipliers: tuple[Multiplier, ...]
    macs: NDArray[np.int64]
    plain: NDArray[np.float64]
    folded: NDArray[np.float64]

    def frame(self, *, folded: bool = False) -> pd.DataFrame:
        """Return them with names of layers as index and of multipliers as columns."""
        names = [multiplier.name for multiplier in self.multipliers]
        values = self.folded if folded else self.plain
        return pd.DataFrame(values, index=list(self.layers), columns=names)


def relative_error_variances(
    traces: Mapping[str, LayerTrace],
    multipliers: Sequence[Multiplier],
    *,
    model: str | ErrorModel = DEFAULT_MODEL,
    quiet: bool = True,
) -> ErrorVariances:
    """Predict the error of every traced layer on every multiplier; see the module's docstring.

    Args:
        traces: The layers' operands in QUANTIZED mode; see `analysis.trace_batches`.
        multipliers: The multipliers, each of another name.
        model: Error model; see `analysis.ERROR_MODELS`.
        quiet: Show no progress bar.

    Returns:
        The variances with and without folding.

    Raises:
        LookupError: If there is no such error model.
        ValueError: If there is no layer or multiplier, two have one name, a multiplier's ports do
            not take a layer's operands, or an output is constant while its error is not.

    Examples:
        >>> import torch, torchapprox
        >>> from analysis.measurement.tracing import trace_batches
        >>> from multipliers import get
        >>> model, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> multipliers = [get("mul8s_array"), get("mul8s_tm_k2"), get("mul8s_tm_k4")]
        >>> found = relative_error_variances(trace_batches(model, [x]), multipliers)
        >>> found.plain[0, 0].item(), bool(found.folded[0, 2] < found.plain[0, 2])
        (0.0, True)
    """
    check_kind("traces", traces, Mapping)
    check_multipliers("multipliers", multipliers)
    names = [multiplier.name for multiplier in multipliers]
    if not names or not traces:
        raise ValueError(
            f"there must be a layer and a multiplier, got {counted(len(traces), 'layer')} and "
            f"{counted(len(names), 'multiplier')}"
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"'multipliers' must have different names, got twice: {repeated}")
    plain, folded = np.zeros((2, len(traces), len(names)))
    with tqdm(total=plain.size, desc="errors", unit="layer", disable=hidden(quiet)) as bar:
        for row, trace in enumerate(traces.values()):
            for column, multiplier in enumerate(multipliers):
                error = predict_error(multiplier, trace, model=model)
                plain[row, column] = relative_error_variance(error, trace)
                folded[row, column] = relative_error_variance(error, trace, folded=True)
                bar.update()
    return ErrorVariances(
        layers=tuple(float_name(name) for name in traces),
        multipliers=tuple(multipliers),
        macs=np.array([trace.products for trace in traces.values()], np.int64),
        plain=plain,
        folded=folded,
    )


def relative_error_variance(error: LayerError, trace: LayerTrace, *, folded: bool = False) -> float:
    """Return one layer's mean squared error over its output's variance.

    Where several of the predicted sums are added into one output, as in transposed convolutions,
    their errors are taken as independent.

    Args:
        error: The layer's error.
        trace: The layer's operands in QUANTIZED mode.
        folded: Whether the mean error is folded into the bias, if the layer has one.

    Raises:
        ValueError: If the output is constant while the error is not 0.
    """
    sums = trace.sums_per_output
    squared = sums * float(np.square(error.real_channel_std).mean())
    if not (folded and trace.fixed_weights):
        squared += sums**2 * float(np.square(error.real_channel_mean).mean())
    if not squared:
        return 0.0
    if not trace.output_std > 0:
        raise ValueError(
            f"layer '{trace.name}' must have an output that varies, as its error does, got "
            f"standard deviation {trace.output_std}: trace more data or leave the layer exact"
        )
    return squared / trace.output_std**2
