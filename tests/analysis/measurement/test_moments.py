import numpy as np
import pytest

from analysis import ChannelMoments


def test_merging_batches_gives_the_moments_of_all_values():
    rng = np.random.default_rng(0)
    # A great mean and a small spread, where a sum of squares would lose all digits.
    values = rng.normal(1e9, 1.0, (50, 3))
    moments = ChannelMoments.of(values[:7])
    for part in (values[7:8], values[8:30], values[30:]):
        moments = moments.merge(ChannelMoments.of(part))
    assert moments.count == 50
    np.testing.assert_allclose(moments.mean, values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.variance, values.var(axis=0), rtol=1e-6)


def test_pooled_moments_are_those_of_all_channels_together():
    values = np.random.default_rng(1).normal([[0.0, 5.0, -3.0]], [[1.0, 2.0, 0.1]], (40, 3))
    mean, std = ChannelMoments.of(values).pooled()
    assert mean == pytest.approx(values.mean())
    assert std == pytest.approx(values.std())


def test_scaled_moments_are_those_of_scaled_values():
    values = np.random.default_rng(2).integers(-9, 9, (20, 2))
    scale = np.array([0.5, -3.0])
    scaled, direct = ChannelMoments.of(values).scaled(scale), ChannelMoments.of(values * scale)
    np.testing.assert_allclose(scaled.mean, direct.mean)
    np.testing.assert_allclose(scaled.m2, direct.m2)


@pytest.mark.parametrize("shape", [(0, 3), (4,)])
def test_values_without_rows_are_refused(shape):
    with pytest.raises(ValueError, match=r"'values' must be \(rows >= 1, channels\), got"):
        ChannelMoments.of(np.zeros(shape))
