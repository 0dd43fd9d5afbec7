"""The error that a multiplier really makes in each layer of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.error_models import LayerError
from analysis.measurement.moments import ChannelMoments
from analysis.modes import evaluating
from multipliers import Multiplier
from multipliers.multiplier import check_multiplier, check_multipliers
from multipliers.parameters import check_kind, check_parameter
from torchapprox import GemmOperands, observe_operands
from torchapprox.batches import run_batch, several
from torchapprox.layers import InferenceMode
from torchapprox.operators import lut_matmul
from torchapprox.tracing import check_operands
from torchapprox.tracing.key_stream import KeyReader
from torchapprox.tracing.reservoir import Reservoir

KEPT_ROWS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredError:
    """Measured error (approximate - exact) of a layer's outputs, over all rows and channels.

    Attributes:
        error: Mean and standard deviation of each channel.
        outputs: Number of outputs measured.
        real_std_between_rows: Standard deviation of the rows' mean errors over all channels, in
            real units: the part that moves all channels of an output position together.
        real_sample: Errors of all channels in some rows, drawn with equal probabilities, in real
            units, float64 `(rows, channels)`.
    """

    error: LayerError
    outputs: int
    real_std_between_rows: float
    real_sample: NDArray[np.float64]


def output_error(operands: GemmOperands, multiplier: Multiplier) -> Tensor:
    """Approximate minus exact sum of products for one call of a layer.

    Args:
        operands: Codes of the lowered product, `(G, M, K)` and `(G, N, K)`.
        multiplier: The approximate multiplier.

    Returns:
        Errors in units of the accumulator, integers `(M, G * N)`: one column per output channel;
        of a product of two activations `(G * M * N, 1)`.
    """
    check_kind("operands", operands, GemmOperands)
    check_multiplier("multiplier", multiplier)
    table = torch.from_numpy(multiplier.error.copy()).to(operands.x_codes.device)
    error = lut_matmul(operands.x_codes, operands.w_codes, table)
    return error.transpose(0, 1).flatten(1) if operands.fixed_weights else error.reshape(-1, 1)


class ErrorMeter:
    """Adds up the errors of one layer, batch after batch.

    Args:
        multiplier: The approximate multiplier.
        layer: The layer's name, for messages.
        seed: Chooses the rows that are kept.
    """

    def __init__(self, multiplier: Multiplier, layer: str, *, seed: int = 0) -> None:
        self._multiplier = multiplier
        self._layer = layer
        self._moments: ChannelMoments | None = None
        self._row_moments: ChannelMoments | None = None
        self._reservoir = Reservoir(KEPT_ROWS, KeyReader(seed))
        self._kept: NDArray[np.float64] = np.zeros((0, 0))
        self._scale: NDArray[np.float64] = np.zeros(0)
        self._fan_in = 0

    def add(self, operands: GemmOperands) -> None:
        """Measure one call of the layer.

        Raises:
            ValueError: If the multiplier's ports do not take the operands.
        """
        check_operands(self._multiplier, self._layer, operands)
        error = output_error(operands, self._multiplier).cpu().numpy()
        channels = error.shape[1]
        self._scale = operands.scale.reshape(-1)[:channels].double().cpu().numpy()
        self._fan_in = operands.w_codes.shape[2]
        real = error * self._scale
        self._moments = _merged(self._moments, ChannelMoments.of(error))
        self._row_moments = _merged(
            self._row_moments, ChannelMoments.of(real.mean(axis=1, keepdims=True))
        )
        if not self._kept.shape[1]:
            self._kept = np.zeros((self._reservoir.places, channels))
        items, places = self._reservoir.offer(len(real))
        self._kept[places] = real[items]

    @property
    def result(self) -> MeasuredError | None:
        """What was measured so far; None before the first call."""
        if self._moments is None or self._row_moments is None:
            return None
        return MeasuredError(
            error=LayerError(
                fan_in=self._fan_in,
                scale=self._scale,
                channel_mean=self._moments.mean,
                channel_std=np.sqrt(self._moments.variance),
            ),
            outputs=self._moments.count * self._moments.mean.size,
            real_std_between_rows=self._row_moments.pooled()[1],
            real_sample=self._kept[self._reservoir.order],
        )


def measure_errors(
    model: nn.Module, multiplier: Multiplier, batches: Iterable[Any], *, seed: int = 0
) -> dict[str, MeasuredError]:
    """Measure each layer's error on the operands that it has in the exact quantised network.

    Every layer is measured alone: its inputs are those of the network without errors, as in the
    trace that a prediction starts from. Memory is bounded by one batch.

    Args:
        model: A converted model; its modes and training flags are as before afterwards.
        multiplier: The multiplier to measure; need not be the one that the layers hold.
        batches: Inputs of the model.
        seed: Chooses the rows whose errors are kept.

    Returns:
        Measured error by layer name.

    Raises:
        ValueError: If there is no batch, or the multiplier's ports do not take a layer's operands.

    Examples:
        >>> import torchapprox
        >>> from multipliers import get
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> measure_errors(model, get("mul8s_tm_k3"), [x])["0.wrapped"].outputs
        192
    """
    return measure_many(model, [multiplier], batches, seed=seed)[0]


def measure_many(
    model: nn.Module,
    multipliers: Sequence[Multiplier],
    batches: Iterable[Any],
    *,
    seed: int = 0,
) -> list[dict[str, MeasuredError]]:
    """Measure several multipliers in one run of the model; arguments as `measure_errors`.

    Returns:
        Measured error by layer name, for each multiplier.
    """
    check_multipliers("multipliers", multipliers)
    seed = check_parameter("seed", seed, 0)
    meters: list[dict[str, ErrorMeter]] = [{} for _ in multipliers]

    def record(name: str, operands: GemmOperands, _: Tensor) -> None:
        for multiplier, layers in zip(multipliers, meters, strict=True):
            if name not in layers:
                layers[name] = ErrorMeter(multiplier, name, seed=seed)
            layers[name].add(operands)

    with (
        torch.no_grad(),
        evaluating(model, InferenceMode.QUANTIZED),
        observe_operands(model, record),
    ):
        for batch in several(batches):
            run_batch(model, batch)
    measured = [
        {name: found for name, meter in layers.items() if (found := meter.result) is not None}
        for layers in meters
    ]
    if not all(measured):
        raise ValueError("'batches' must hold at least one batch that reaches a layer, got none")
    return measured


def _merged(before: ChannelMoments | None, batch: ChannelMoments) -> ChannelMoments:
    return batch if before is None else before.merge(batch)
