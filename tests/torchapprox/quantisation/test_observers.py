"""Observers that clip, against their definitions written out."""

import math

import numpy as np
import pytest
import torch

from torchapprox.quantisation.histogram_observer import HistogramObserver
from torchapprox.quantisation.observers import (
    EntropyObserver,
    LevelHistogramObserver,
    MseObserver,
    PercentileObserver,
    PerChannelMseObserver,
    PerChannelPercentileObserver,
)
from torchapprox.quantisation.torch_ao import FakeQuantize, MinMaxObserver

SYMMETRIC, AFFINE = torch.per_tensor_symmetric, torch.per_tensor_affine


def quantiser(observer, value_range, scheme=SYMMETRIC, **options):
    low, high = value_range
    return FakeQuantize(
        observer=observer, quant_min=low, quant_max=high, qscheme=scheme,
        dtype=torch.qint8 if low < 0 else torch.quint8, **options,
    )  # fmt: skip


def outliers(seed=0, *, count=20_000):
    """Return Gaussian values, their mean not 0, with a few far ones of either sign."""
    values = torch.randn(count, generator=torch.Generator().manual_seed(seed)) + 0.2
    values[:4] = torch.tensor([40.0, -25.0, 30.0, 12.0])
    return values


def squared_error(fake_quantize, values):
    return (fake_quantize(values) - values).square().mean().item()


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.9, 100.0])
@pytest.mark.parametrize("scheme", [SYMMETRIC, AFFINE])
def test_percentile_keeps_its_share_of_the_magnitudes(percentile, scheme):
    values = outliers()
    observer = PercentileObserver(
        percentile=percentile, qscheme=scheme, dtype=torch.qint8, quant_min=-128, quant_max=127
    )
    observer(values)
    scale, zero_point = observer.calculate_qparams()
    exact = np.percentile(values.abs().numpy(), percentile, method="inverted_cdf")
    bin_width = (values.max() - values.min()).item() / observer.bins
    high = scale.item() * (127 - zero_point.item() + (0.5 if scheme is SYMMETRIC else 0))
    assert abs(high - min(exact, values.max())) <= bin_width + scale.item()


def test_batches_count_as_one_distribution():
    values = outliers()
    whole, parts = (quantiser(PercentileObserver, (-8, 7), percentile=95.0) for _ in range(2))
    whole(values)
    for part in values.split(3000):
        parts(part)
    torch.testing.assert_close(parts.scale, whole.scale, rtol=0.02, atol=0)


@pytest.mark.parametrize("value_range", [(-2, 1), (-8, 7), (0, 15), (0, 127), (-128, 127)])
@pytest.mark.parametrize("scheme", [SYMMETRIC, AFFINE])
def test_mse_is_close_to_the_best_of_many_thresholds(value_range, scheme):
    values = outliers()
    values = values.relu() if value_range[0] == 0 and scheme is AFFINE else values
    found = quantiser(MseObserver, value_range, scheme)
    error = squared_error(found, values)
    best = min(clipped_error(value_range, scheme, values, t) for t in np.linspace(0.5, 40, 400))
    assert error <= 1.05 * best


def clipped_error(value_range, scheme, values, threshold):
    fake_quantize = quantiser(MinMaxObserver, value_range, scheme)
    fake_quantize(values.clamp(-threshold, threshold))
    fake_quantize.disable_observer()
    return squared_error(fake_quantize, values)


def test_few_levels_need_the_clipping_that_the_level_histogram_does():
    values = outliers()

    def error_of_most(observer, value_range):
        fake_quantize = quantiser(observer, value_range)
        fake_quantize(values)
        fake_quantize.disable_observer()
        return squared_error(fake_quantize, values[4:])

    few, eight_bits = (-8, 7), (-128, 127)
    theirs = error_of_most(HistogramObserver, few)
    assert error_of_most(LevelHistogramObserver, few) < 0.8 * theirs
    assert error_of_most(LevelHistogramObserver, eight_bits) == error_of_most(
        HistogramObserver, eight_bits
    )


def divergence(values, threshold, levels, *, bins, low, high):
    """The definition in plain loops."""
    width = (high - low) / bins
    counts, _ = np.histogram(values, bins, (low, high))
    kept = [i for i in range(bins) if abs(low + width * (i + 0.5)) < threshold]
    p = [float(counts[i]) for i in kept]
    p[0] += sum(counts[: kept[0]])
    p[-1] += sum(counts[kept[-1] + 1 :])
    total, inside = sum(p), sum(counts[i] for i in kept)
    result = 0.0
    for place, mass in enumerate(p):
        if mass == 0:
            continue
        level = place * levels // len(kept)
        same = [j for j in range(len(kept)) if j * levels // len(kept) == level]
        level_mass = sum(counts[kept[j]] for j in same)
        q = level_mass / sum(1 for j in same if p[j] > 0) / inside
        result += mass / total * math.log(mass / total / max(q, 1e-12))
    return result


def test_entropy_finds_the_least_divergence():
    values = torch.randn(4000, generator=torch.Generator().manual_seed(1))
    values[0] = 9.0
    observer = EntropyObserver(
        bins=64, qscheme=SYMMETRIC, dtype=torch.qint8, quant_min=-8, quant_max=7
    )
    observer(values)
    low, high = values.min().item(), values.max().item()
    counts, width = observer.histogram.numpy().astype(float), (high - low) / 64
    centres = low + width * (np.arange(64) + 0.5)
    found = observer.threshold(counts, centres, width)
    least = min(
        divergence(values.numpy(), t, 16, bins=64, low=low, high=high)
        for t in np.linspace(8.5 * width, 9.0, 60)
    )
    own = divergence(values.numpy(), found, 16, bins=64, low=low, high=high)
    assert own <= least + 1e-9
    assert found < 9.0


def test_entropy_does_not_follow_outliers():
    values = outliers()
    few = quantiser(EntropyObserver, (-8, 7))
    few(values)
    assert 1.5 < 7.5 * few.scale.item() < 8


@pytest.mark.parametrize("observer", [PercentileObserver, MseObserver, EntropyObserver])
@pytest.mark.parametrize("values", [torch.zeros(9), torch.full((3,), 2.5), torch.empty(0)])
def test_degenerate_values(observer, values):
    fake_quantize = quantiser(observer, (-8, 7), AFFINE)
    if not len(values):
        with pytest.warns(UserWarning, match="must run observer"):
            fake_quantize(values)
        return
    result = fake_quantize(values)
    torch.testing.assert_close(result, values, rtol=0.07, atol=0)
    assert torch.isfinite(fake_quantize.scale).all()


@pytest.mark.parametrize(
    ("per_channel", "per_tensor"),
    [(PerChannelPercentileObserver, PercentileObserver), (PerChannelMseObserver, MseObserver)],
)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("affine", [False, True])
def test_channels_by_themselves(per_channel, per_tensor, axis, affine):
    channels = [outliers(seed) * factor for seed, factor in enumerate((1.0, 0.01, 300.0))]
    options = {"percentile": 99.0} if per_tensor is PercentileObserver else {}
    together = quantiser(
        per_channel, (-8, 7), torch.per_channel_affine if affine else torch.per_channel_symmetric,
        ch_axis=axis, **options,
    )  # fmt: skip
    result = together(torch.stack(channels, dim=axis)).unbind(axis)
    for channel, quantised in zip(channels, result, strict=True):
        alone = quantiser(per_tensor, (-8, 7), AFFINE if affine else SYMMETRIC, **options)
        error = (quantised - channel).square().mean().item()
        assert error == pytest.approx(squared_error(alone, channel), rel=0.1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("observer", [PercentileObserver, MseObserver, EntropyObserver])
def test_values_of_one_sign_may_be_far_from_zero(observer, sign):
    """Thresholds below the least magnitude once made a range whose end came before its start."""
    values = sign * torch.linspace(5, 6, 1000)
    found = observer(quant_min=0, quant_max=255, dtype=torch.quint8, qscheme=AFFINE)
    found(values)
    scale, zero_point = found.calculate_qparams()
    assert 255 * scale.item() == pytest.approx(6, rel=2e-2)
    assert zero_point.item() == (0 if sign > 0 else 255)


def test_channels_of_one_sign_may_be_far_from_zero():
    values = torch.linspace(5, 6, 1000)
    found = PerChannelMseObserver(
        quant_min=0, quant_max=255, dtype=torch.quint8, qscheme=torch.per_channel_affine
    )
    found(torch.stack([values, -values, values - 5.5]))
    scale, zero_point = found.calculate_qparams()
    torch.testing.assert_close(255 * scale, torch.tensor([6.0, 6.0, 1.0]), rtol=2e-2, atol=0)
    assert zero_point.tolist()[:2] == [0, 255]


@pytest.mark.parametrize("percentile", [0, -1, 100.5, math.nan])
@pytest.mark.parametrize("observer", [PercentileObserver, PerChannelPercentileObserver])
def test_percentiles_that_are_none(observer, percentile):
    with pytest.raises(ValueError, match="'percentile' must be above 0 and at most 100, got"):
        observer(percentile=percentile)


def test_observers_survive_a_state_dict():
    values = outliers()
    for observer in (PercentileObserver, MseObserver, EntropyObserver, LevelHistogramObserver):
        first, second = (quantiser(observer, (-8, 7)) for _ in range(2))
        first(values)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second.scale, first.scale)
        assert torch.equal(second.calculate_qparams()[0], first.scale)
