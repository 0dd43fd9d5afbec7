"""The error that a multiplier really makes in each layer of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.modes import evaluating
from analysis.moments import ChannelMoments
from analysis.ports import check_operands
from multipliers import Multiplier
from torchapprox import GemmOperands, observe_operands
from torchapprox.layers import InferenceMode
from torchapprox.operators import lut_matmul


@dataclass(frozen=True, slots=True)
class MeasuredError:
    """Measured error (approximate - exact) of a layer's outputs, over all rows and channels.

    Attributes:
        outputs: Number of outputs measured.
        mean_per_output: In units of the accumulator.
        std_per_output: In units of the accumulator.
        real_mean_per_output: In real units (accumulator times scale).
        real_std_per_output: In real units.
        real_std_between_channels: Standard deviation of the channels' mean errors, in real units:
            the part of `real_std_per_output` that is an offset of each channel.
        real_std_between_rows: Standard deviation of the rows' mean errors over all channels, in
            real units: the part that moves all channels of an output position together.
    """

    outputs: int
    mean_per_output: float
    std_per_output: float
    real_mean_per_output: float
    real_std_per_output: float
    real_std_between_channels: float
    real_std_between_rows: float


def output_error(operands: GemmOperands, multiplier: Multiplier) -> Tensor:
    """Approximate minus exact sum of products for one call of a layer.

    Args:
        operands: Codes of the lowered product, `(G, M, K)` and `(G, N, K)`.
        multiplier: The approximate multiplier.

    Returns:
        Errors in units of the accumulator, int64 `(M, G * N)`: one column per output channel.
    """
    approximate, exact = (
        lut_matmul(operands.x_codes, operands.w_codes, torch.from_numpy(table.copy()))
        for table in (multiplier.lut, multiplier.exact)
    )
    error = approximate.to(torch.int64) - exact.to(torch.int64)
    return error.transpose(0, 1).flatten(1)


@dataclass(frozen=True, slots=True)
class _Moments:
    """Moments of a layer's errors: of the integers, in real units, and of the rows' means."""

    integer: ChannelMoments
    real: ChannelMoments
    rows: ChannelMoments

    @classmethod
    def of(cls, error: NDArray[np.int64], scale: NDArray[np.float64]) -> Self:
        integer = ChannelMoments.of(error)
        row_means = (error @ scale / len(scale))[:, None]
        return cls(integer, integer.scaled(scale), ChannelMoments.of(row_means))

    def merge(self, other: _Moments) -> _Moments:
        return _Moments(
            self.integer.merge(other.integer),
            self.real.merge(other.real),
            self.rows.merge(other.rows),
        )

    def measured(self) -> MeasuredError:
        mean, std = self.integer.pooled()
        real_mean, real_std = self.real.pooled()
        return MeasuredError(
            outputs=self.integer.count * self.integer.mean.size,
            mean_per_output=mean,
            std_per_output=std,
            real_mean_per_output=real_mean,
            real_std_per_output=real_std,
            real_std_between_channels=float(self.real.mean.std()),
            real_std_between_rows=self.rows.pooled()[1],
        )


def measure_errors(
    model: nn.Module, multiplier: Multiplier, batches: Iterable[Any]
) -> dict[str, MeasuredError]:
    """Measure each layer's error on the operands that it has in the exact quantised network.

    Every layer is measured alone: its inputs are those of the network without errors, as in the
    trace that a prediction starts from. Memory is bounded by one batch.

    Args:
        model: A converted model; its modes and training flags are as before afterwards.
        multiplier: The multiplier to measure; need not be the one that the layers hold.
        batches: Inputs of the model.

    Returns:
        Measured error by layer name.

    Raises:
        ValueError: If there is no batch, or the multiplier's ports do not take a layer's operands.

    Examples:
        >>> import torchapprox
        >>> from multipliers import truncated_multiplier
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> truncated = Multiplier.from_netlist(truncated_multiplier(3, signed=True))
        >>> measure_errors(model, truncated, [x])["0.wrapped"].outputs
        192
    """
    moments: dict[str, _Moments] = {}

    def record(name: str, operands: GemmOperands, _: Tensor) -> None:
        check_operands(multiplier, name, operands)
        error = output_error(operands, multiplier).cpu().numpy()
        scale = operands.scale.double().cpu().numpy().reshape(-1)
        batch = _Moments.of(error, scale)
        moments[name] = moments[name].merge(batch) if name in moments else batch

    with (
        torch.no_grad(),
        evaluating(model, InferenceMode.QUANTIZED),
        observe_operands(model, record),
    ):
        for batch in batches:
            run_batch(model, batch)
    if not moments:
        raise ValueError("'batches' must hold at least one batch that reaches a layer, got none")
    return {name: layer.measured() for name, layer in moments.items()}
