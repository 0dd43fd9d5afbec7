"""The error that a multiplier really makes in each layer of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.modes import evaluating
from analysis.moments import ChannelMoments
from analysis.ports import check_ports
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
            the part of `real_std_per_output` that is an offset of each channel, not noise.
    """

    outputs: int
    mean_per_output: float
    std_per_output: float
    real_mean_per_output: float
    real_std_per_output: float
    real_std_between_channels: float


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


class _Recorder:
    """Callback of `observe_operands` that streams the moments of each layer's error."""

    def __init__(self, multiplier: Multiplier) -> None:
        self.multiplier = multiplier
        self.moments: dict[str, tuple[ChannelMoments, ChannelMoments]] = {}

    def __call__(self, name: str, operands: GemmOperands, output: Tensor) -> None:
        del output
        check_ports(self.multiplier, name, x_signed=operands.x_signed, w_signed=operands.w_signed)
        error = output_error(operands, self.multiplier).cpu().numpy()
        scale = operands.scale.detach().cpu().numpy().astype(np.float64).reshape(-1)
        batch = ChannelMoments.of(error)
        both = (batch, batch.scaled(scale))
        if name in self.moments:
            seen = self.moments[name]
            both = (seen[0].merge(both[0]), seen[1].merge(both[1]))
        self.moments[name] = both

    def errors(self) -> dict[str, MeasuredError]:
        return {name: _measured(*moments) for name, moments in self.moments.items()}


def _measured(integer: ChannelMoments, real: ChannelMoments) -> MeasuredError:
    mean, std = integer.pooled()
    real_mean, real_std = real.pooled()
    return MeasuredError(
        outputs=integer.count * integer.mean.size,
        mean_per_output=mean,
        std_per_output=std,
        real_mean_per_output=real_mean,
        real_std_per_output=real_std,
        real_std_between_channels=float(real.mean.std()),
    )


def measure_errors(
    model: nn.Module, multiplier: Multiplier, batches: Iterable[Tensor]
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
    """
    recorder = _Recorder(multiplier)
    with (
        torch.no_grad(),
        evaluating(model, InferenceMode.QUANTIZED),
        observe_operands(model, recorder),
    ):
        for batch in batches:
            model(batch)
    if not recorder.moments:
        raise ValueError("'batches' must hold at least one batch that reaches a layer, got none")
    return recorder.errors()
