"""Observers that clip outliers: what torch.ao's own observers do not offer.

All of them choose a threshold T for magnitudes and quantise the range

    clip(min x, -T, T) .. clip(max x, -T, T)

extended to hold 0. They differ in how T is found: `PercentileObserver` by the share of values that
it clips, `MseObserver` by the squared error of the quantised values, `EntropyObserver` by what
clipping and rounding do to the distribution. `ThresholdObserver` keeps a running histogram; the
variants per channel, for weights, look at every value.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multipliers.parameters import check_number
from torchapprox.quantisation.histogram_observer import HistogramObserver
from torchapprox.quantisation.torch_ao import PerChannelMinMaxObserver

FloatArray = npt.NDArray[np.float64]

_CANDIDATES = 128
_PER_CHANNEL_CANDIDATES = 48
_LEAST_SHARE = 0.02
"""No search clips below this share of the greatest magnitude."""


class LevelHistogramObserver(HistogramObserver):
    """torch.ao's histogram observer, with as many levels as the quantiser has.

    torch.ao estimates the squared error of each range as if there were always 256 levels, so that
    below 8 bits it clips too little.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dst_nbins: int = self.quant_max - self.quant_min + 1


class ThresholdObserver(HistogramObserver):
    """Base of the observers that find a magnitude threshold in a running histogram.

    Args:
        args: As `torch.ao.quantization.HistogramObserver`.
        kwargs: Likewise.
    """

    @abstractmethod
    def threshold(self, counts: FloatArray, centres: FloatArray, width: float) -> float:
        """Return the threshold T.

        Args:
            counts: How many values are in each bin, float64 `(bins,)`.
            centres: Middle of each bin, float64 `(bins,)`.
            width: Width of a bin.
        """

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Return scale and zero point, one element each, for the values seen so far."""
        low, high = float(self.min_val), float(self.max_val)
        if not low <= high:
            qparams: tuple[Tensor, Tensor] = super().calculate_qparams()
            return qparams
        width = (high - low) / self.bins
        if width == 0:
            return self._range(low, high)
        counts = self.histogram.double().cpu().numpy()
        centres = low + width * (np.arange(self.bins) + 0.5)
        limit = self.threshold(counts, centres, width)
        return self._range(min(max(low, -limit), limit), max(min(high, limit), -limit))

    def _range(self, low: float, high: float) -> tuple[Tensor, Tensor]:
        qparams: tuple[Tensor, Tensor] = self._calculate_qparams(
            self.min_val.new_tensor(low), self.max_val.new_tensor(high)
        )
        return qparams


class PercentileObserver(ThresholdObserver):
    """Clips a fixed share of the values, those of the greatest magnitude.

    Args:
        percentile: Share of the values that are not clipped, in per cent, above 0 and at most 100.
        args: As `torch.ao.quantization.HistogramObserver`.
        kwargs: Likewise.

    Raises:
        ValueError: ``percentile`` is out of range.

    Examples:
        >>> observer = PercentileObserver(percentile=90.0, qscheme=torch.per_tensor_symmetric,
        ...                               dtype=torch.qint8)
        >>> _ = observer(torch.linspace(-1, 1, 10001))
        >>> round(127.5 * observer.calculate_qparams()[0].item(), 2)
        0.9

    References:
        H. Wu, P. Judd, X. Zhang, M. Isaev and P. Micikevicius (2020), "Integer Quantization for
        Deep Learning Inference: Principles and Empirical Evaluation", arXiv:2004.09602, section
        3.3.
    """

    def __init__(self, *args: Any, percentile: float = 99.99, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        percentile = check_number("percentile", percentile, above=0, most=100)
        self.percentile: float = percentile

    def threshold(self, counts: FloatArray, centres: FloatArray, width: float) -> float:
        """Return the magnitude below which the share of the values lies; see the base class."""
        magnitudes = np.abs(centres)
        order = np.argsort(magnitudes)
        kept = np.cumsum(counts[order])
        index = int(np.searchsorted(kept, self.percentile / 100 * kept[-1]))
        return float(magnitudes[order[min(index, len(order) - 1)]]) + width / 2


class MseObserver(ThresholdObserver):
    """Minimises the mean squared error of the quantised values over 128 thresholds.

    The error is that of the very quantiser, with its number of levels and its zero point.

    Examples:
        >>> observer = MseObserver(quant_min=-2, quant_max=1, dtype=torch.qint8,
        ...                        qscheme=torch.per_tensor_symmetric)
        >>> _ = observer(torch.tensor([-1.0, 0.0, 1.0]).repeat(1000))
        >>> _ = observer(torch.tensor([30.0]))
        >>> observer.calculate_qparams()[0].item() < 2
        True

    References:
        R. Banner, Y. Nahshan and D. Soudry (2019), "Post Training 4-bit Quantization of
        Convolutional Networks for Rapid-Deployment", NeurIPS, section 2, minimise the same error
        in closed form for a given distribution.
    """

    def threshold(self, counts: FloatArray, centres: FloatArray, width: float) -> float:
        """Return the threshold of least squared error; see the base class."""
        low, high = float(self.min_val), float(self.max_val)
        limits = _candidates(max(-low, high), width)
        scale, zero_point = (
            parameters.double().numpy()[:, None]
            for parameters in self._cpu_parameters(
                torch.from_numpy(np.clip(low, -limits, limits)),
                torch.from_numpy(np.clip(high, -limits, limits)),
            )
        )
        levels = np.rint(centres / scale) + zero_point
        quantised = (np.clip(levels, self.quant_min, self.quant_max) - zero_point) * scale
        errors = (counts * (quantised - centres) ** 2).sum(axis=1)
        return float(limits[errors.argmin()])

    def _cpu_parameters(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Scales and zero points of many ranges at once; torch.ao's formula is elementwise."""
        device = self.eps.device
        scale, zero_point = self._calculate_qparams(low.float().to(device), high.float().to(device))
        return scale.cpu(), zero_point.cpu()


class EntropyObserver(ThresholdObserver):
    """Minimises the Kullback-Leibler divergence of the quantised from the true distribution.

    For each of 128 thresholds, P is the histogram with the clipped values moved into the outermost
    bins. Q is the histogram without them, merged into the quantiser's levels and spread again
    evenly over each level's occupied bins. The threshold is that of the least

        sum_i P_i * log(P_i / Q_i)

    References:
        S. Migacz (2017), "8-bit Inference with TensorRT", GPU Technology Conference, slides 35 to
        39. Here histograms have two sides, and levels need not divide bins.
    """

    def threshold(self, counts: FloatArray, centres: FloatArray, width: float) -> float:
        """Return the threshold of least divergence; see the base class."""
        levels = self.quant_max - self.quant_min + 1
        magnitudes = np.abs(centres)
        limits = _candidates(float(magnitudes.max()) + width / 2, width)
        # Fewer bins than levels lose nothing to rounding: their divergence says nothing.
        limits = np.array([t for t in limits if (magnitudes < t).sum() >= levels] or limits[-1:])
        divergences = [_divergence(counts, np.flatnonzero(magnitudes < t), levels) for t in limits]
        return float(limits[int(np.argmin(divergences))])


def _divergence(counts: FloatArray, kept: npt.NDArray[np.intp], levels: int) -> float:
    """Divergence of the distribution that is left of a histogram if only some bins are kept."""
    first, last = kept[0], kept[-1]
    inside = counts[first : last + 1]
    if not inside.any():
        return np.inf
    p = inside.copy()
    p[0] += counts[:first].sum()
    p[-1] += counts[last + 1 :].sum()
    level = np.arange(len(inside)) * levels // len(inside)
    occupied = p > 0
    mass = np.bincount(level, inside, levels)
    bins = np.bincount(level, occupied, levels)
    q = (mass / np.maximum(bins, 1))[level]
    p, q = p[occupied] / p.sum(), q[occupied] / inside.sum()
    # A bin that holds clipped values alone has no mass in Q; the bound keeps the sum finite.
    return float((p * np.log(p / np.maximum(q, 1e-12))).sum())


class PerChannelPercentileObserver(PerChannelMinMaxObserver):  # type: ignore[misc]
    """`PercentileObserver` for every channel by itself, from the values and not a histogram.

    Args:
        percentile: Share of a channel's values that are not clipped, in per cent.
        args: As `torch.ao.quantization.PerChannelMinMaxObserver`.
        kwargs: Likewise.

    Raises:
        ValueError: ``percentile`` is out of range.
    """

    def __init__(self, *args: Any, percentile: float = 99.99, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        percentile = check_number("percentile", percentile, above=0, most=100)
        self.percentile: float = percentile

    def forward(self, x: Tensor) -> Tensor:
        """Widen every channel's range to the percentile of its magnitudes."""
        values = _channels(x, self.ch_axis)
        if values.shape[1]:
            rank = max(1, round(self.percentile / 100 * values.shape[1]))
            limit = values.abs().kthvalue(rank, dim=1).values
            super().forward(_clipped(x, limit, self.ch_axis))
        return x


class PerChannelMseObserver(PerChannelMinMaxObserver):  # type: ignore[misc]
    """`MseObserver` for every channel by itself, from the values and not a histogram."""

    def forward(self, x: Tensor) -> Tensor:
        """Widen every channel's range to that of the least squared error."""
        values = _channels(x, self.ch_axis)
        if values.shape[1]:
            super().forward(_clipped(x, self._best_limits(values), self.ch_axis))
        return x

    def _best_limits(self, values: Tensor) -> Tensor:
        low, high = torch.aminmax(values, dim=1)
        most = torch.maximum(-low, high)
        best, least = most, torch.full_like(most, torch.inf)
        for share in torch.linspace(1, _LEAST_SHARE, _PER_CHANNEL_CANDIDATES).tolist():
            limit = share * most
            scale, zero_point = self._calculate_qparams(
                torch.clamp(low, -limit, limit), torch.clamp(high, -limit, limit)
            )
            # A layer of doubles gives its observers double constants, which quantisers do not take.
            quantised = torch.fake_quantize_per_channel_affine(
                values, scale.float(), zero_point.int(), 0, self.quant_min, self.quant_max
            )
            error = (quantised - values).square().sum(dim=1)
            best, least = torch.where(error < least, limit, best), torch.minimum(error, least)
        return best


def _candidates(most: float, width: float) -> FloatArray:
    """Thresholds from the greatest magnitude down, none below the width of a bin."""
    return np.maximum(np.linspace(1, _LEAST_SHARE, _CANDIDATES) * most, width)


def _channels(x: Tensor, axis: int) -> Tensor:
    """Return the values of each channel in a row, detached."""
    return x.detach().transpose(0, axis).flatten(1).float()


def _clipped(x: Tensor, limit: Tensor, axis: int) -> Tensor:
    shape = [1] * x.dim()
    shape[axis] = -1
    limit = limit.view(shape)
    return torch.minimum(torch.maximum(x.detach().float(), -limit), limit)
