"""Every error model against brute force where it claims to be exact, and its own formula."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis import LayerError, predict_error, predict_errors, product_error
from analysis.error_models import ERROR_MODELS, monte_carlo, paired_histograms
from multipliers import Multiplier, exact_products, get
from tests.analysis.error_models.brute_force import moments, product_errors, random_codes

SIGNS = [(True, True), (True, False), (False, True), (False, False)]


@pytest.fixture
def layer(random_multiplier, make_trace):
    """A grouped layer with a scale per channel, its multiplier and the errors of its products."""

    def make(seed=1, *, x_signed=True, w_signed=True, **shape):
        x_codes, w_codes = random_codes(seed, groups=2, **shape)
        multiplier = random_multiplier(seed, x_signed=x_signed, w_signed=w_signed)
        scale = np.random.default_rng(seed).uniform(0.1, 2.0, 2 * w_codes.shape[1])
        trace = make_trace(x_codes, w_codes, x_signed=x_signed, w_signed=w_signed, scale=scale)
        return multiplier, trace, product_errors(multiplier, x_codes, w_codes, x_signed, w_signed)

    return make


def sums(errors):
    return [[sum(row) for row in channel] for channel in errors]


@pytest.mark.parametrize(("x_signed", "w_signed"), SIGNS)
@pytest.mark.parametrize("model", ["paired", "rows"])
def test_the_whole_sample_gives_the_exact_error(layer, model, x_signed, w_signed):
    multiplier, trace, errors = layer(x_signed=x_signed, w_signed=w_signed)
    by_channel = [moments(channel) for channel in sums(errors)]
    predicted = predict_error(multiplier, trace, model=model)
    np.testing.assert_allclose(predicted.channel_mean, [m for m, _ in by_channel], rtol=1e-12)
    np.testing.assert_allclose(predicted.channel_std, [s for _, s in by_channel], rtol=1e-10)

    mean, std = moments([y for channel in sums(errors) for y in channel])
    assert predicted.mean_per_output == pytest.approx(mean, rel=1e-12)
    assert predicted.std_per_output == pytest.approx(std, rel=1e-10)
    real = [s * y for s, c in zip(trace.scale, sums(errors), strict=True) for y in c]
    mean, std = moments(real)
    assert predicted.real_mean_per_output == pytest.approx(mean, rel=1e-12)
    assert predicted.real_std_per_output == pytest.approx(std, rel=1e-10)
    assert predicted.real_std_between_channels == pytest.approx(
        np.std([s * m for s, (m, _) in zip(trace.scale, by_channel, strict=True)]), rel=1e-10
    )


def test_one_global_distribution_equals_plain_loops(layer):
    multiplier, trace, errors = layer()
    mean, std = moments([e for channel in errors for row in channel for e in row])
    predicted = predict_error(multiplier, trace, model="global")
    np.testing.assert_allclose(predicted.channel_mean, 4 * mean, rtol=1e-12)
    np.testing.assert_allclose(predicted.channel_std, 2 * std, rtol=1e-12)
    assert predicted.channel_mean.shape == (6,)


def test_local_populations_equal_plain_loops(layer):
    multiplier, trace, _ = layer(rows=7)
    predicted = predict_error(multiplier, trace, model="local")
    for group in range(2):
        weights, means, variances = trace.w_codes[group].ravel(), [], []
        for row in trace.sample.x_codes[group]:
            mean, std = moments([int(multiplier.error[x, w]) for x in row for w in weights])
            means.append(4 * mean)
            variances.append(4 * std**2)
        mean, std = moments(means)
        own = slice(3 * group, 3 * group + 3)
        np.testing.assert_allclose(predicted.channel_mean[own], mean, rtol=1e-10)
        expected = math.sqrt(std**2 + sum(variances) / 7)
        np.testing.assert_allclose(predicted.channel_std[own], expected, rtol=1e-10)


def test_monte_carlo_nears_local_populations(layer):
    multiplier, trace, _ = layer(rows=20)
    local = predict_error(multiplier, trace, model="local")
    draws = 40_000
    drawn = monte_carlo(multiplier, trace, draws=draws, seed=3)
    standard_error = local.channel_std / math.sqrt(draws / 2)
    assert (abs(drawn.channel_mean - local.channel_mean) < 5 * standard_error).all()
    np.testing.assert_allclose(drawn.channel_std, local.channel_std, rtol=0.03)
    again = monte_carlo(multiplier, trace, draws=draws, seed=3)
    np.testing.assert_array_equal(drawn.channel_std, again.channel_std)
    with pytest.raises(ValueError, match="'draws' must be at least 1, got 0"):
        monte_carlo(multiplier, trace, draws=0)


@pytest.mark.parametrize("name", ["mul8s_tm_k3", "mul8s_ppp_j2_k1", "mul8s_bam_h0_v6"])
def test_a_low_rank_table_leaves_nothing_to_assume(make_trace, name):
    # Activations and weights rise and fall together, as no random pairing would have it.
    rng, multiplier = np.random.default_rng(4), get(name)
    base = np.linspace(0, 100, 16)
    x_codes = (base + rng.uniform(0, 27, (1, 30, 16))).astype(np.uint8)
    w_codes = (base - 60 + rng.uniform(0, 27, (1, 5, 16))).astype(np.int8).view(np.uint8)
    trace = make_trace(x_codes, w_codes)
    exact = predict_error(multiplier, trace, model="rows")
    random = paired_histograms(multiplier, trace, rank=0)
    known = paired_histograms(multiplier, trace, rank=8)
    np.testing.assert_allclose(known.channel_std, exact.channel_std, rtol=1e-6)
    assert (abs(random.channel_std / exact.channel_std - 1) > 0.05).any()


def test_a_product_of_two_activations_is_one_channel(random_multiplier, make_trace):
    rng = np.random.default_rng(5)
    x_codes = rng.integers(0, 256, (6, 8, 5), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (6, 7, 5), dtype=np.uint8)
    multiplier = random_multiplier(5)
    trace = make_trace(x_codes, w_codes, scale=np.full(42, 0.25), fixed_weights=False)
    mean, std = moments([y for c in sums(product_errors(multiplier, x_codes, w_codes)) for y in c])
    for model in ("paired", "rows"):
        predicted = predict_error(multiplier, trace, model=model)
        assert predicted.channel_mean == pytest.approx([mean], rel=1e-12)
        assert predicted.channel_std == pytest.approx([std], rel=1e-10)
        assert predicted.real_std_per_output == pytest.approx(0.25 * std, rel=1e-10)
    for model in ("global", "local", "monte_carlo", "paired_random", "paired_rank4"):
        predicted = predict_error(multiplier, trace, model=model)
        assert predicted.channel_std.shape == (1,)
        assert predicted.std_per_output == pytest.approx(std, rel=0.3)


def test_means_are_exact_where_the_sample_is_not_the_whole(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(6, rows=200)
    multiplier = random_multiplier(6)
    trace = make_trace(x_codes, w_codes, rows=10)
    assert trace.sample.rows == 10
    by_channel = [
        moments(channel)[0] for channel in sums(product_errors(multiplier, x_codes, w_codes))
    ]
    predicted = predict_error(multiplier, trace)
    np.testing.assert_allclose(predicted.channel_mean, by_channel, rtol=1e-12)


def test_a_sample_estimates_the_variance_of_all_rows_without_bias(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(7, rows=40, channels=1)
    multiplier = random_multiplier(7)
    _, std = moments(sums(product_errors(multiplier, x_codes, w_codes))[0])
    estimates = [
        predict_error(multiplier, make_trace(x_codes, w_codes, rows=5, seed=seed)).channel_std[0]
        for seed in range(1500)
    ]
    variances = np.square(estimates)
    tolerance = 5 * variances.std() / math.sqrt(len(variances))
    assert variances.mean() == pytest.approx(std**2, abs=tolerance)


@pytest.mark.parametrize("model", ERROR_MODELS)
class TestEveryModel:
    def test_an_exact_multiplier_makes_no_error(self, make_trace, model):
        exact = Multiplier.from_lut(exact_products(True, True))
        trace = make_trace(*random_codes(8))
        predicted = predict_errors(exact, {"layer": trace}, model=model)["layer"]
        assert predicted.mean_per_output == predicted.std_per_output == 0
        assert predicted.real_mean_per_output == predicted.real_std_per_output == 0

    def test_errors_that_are_constant_have_no_spread(self, make_trace, model):
        shifted = Multiplier.from_lut(exact_products(True, True) - 3)
        predicted = predict_error(shifted, make_trace(*random_codes(8)), model=model)
        np.testing.assert_allclose(predicted.channel_mean, -12, rtol=1e-12)
        np.testing.assert_allclose(predicted.channel_std, 0, atol=1e-6)

    def test_linear_in_the_table(self, random_multiplier, make_trace, model):
        multiplier, trace = random_multiplier(9), make_trace(*random_codes(9))
        doubled = Multiplier.from_lut(multiplier.exact + 2 * multiplier.error)
        once, twice = (predict_error(m, trace, model=model) for m in (multiplier, doubled))
        np.testing.assert_allclose(twice.channel_mean, 2 * once.channel_mean, rtol=1e-9)
        np.testing.assert_allclose(twice.channel_std, 2 * once.channel_std, rtol=1e-6)

    def test_products_of_one(self, random_multiplier, make_trace, model):
        x_codes, w_codes = random_codes(10, depth=1)
        predicted = predict_error(random_multiplier(), make_trace(x_codes, w_codes), model=model)
        assert np.isfinite(predicted.channel_std).all()

    def test_ports_that_read_the_codes_otherwise_are_refused(
        self, random_multiplier, make_trace, model
    ):
        trace = make_trace(*random_codes(11))
        message = r"'layer' has weights that are negative, but multiplier 'random' takes unsigned"
        with pytest.raises(ValueError, match=message):
            predict_error(random_multiplier(w_signed=False), trace, model=model)
        unsigned = make_trace(*random_codes(11), x_signed=False)
        with pytest.raises(ValueError, match="activations that are greater than 127, but"):
            predict_error(random_multiplier(), unsigned, model=model)


def test_small_unsigned_operands_fit_a_signed_port(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(12)
    signed, unsigned = (make_trace(x_codes // 2, w_codes, x_signed=s) for s in (True, False))
    predicted = [predict_error(random_multiplier(), trace) for trace in (signed, unsigned)]
    np.testing.assert_array_equal(predicted[0].channel_std, predicted[1].channel_std)


def test_an_unknown_model_is_named_with_the_nearest(random_multiplier, make_trace):
    trace = make_trace(*random_codes(13))
    with pytest.raises(LookupError, match="no error model 'pairs', did you mean 'paired'"):
        predict_error(random_multiplier(), trace, model="pairs")
    own = replace(predict_error(random_multiplier(), trace), fan_in=99)
    assert predict_error(random_multiplier(), trace, model=lambda *_: own) is own


def test_an_empty_count_is_refused():
    nothing = np.zeros((256, 256), dtype=np.int64)
    with pytest.raises(ValueError, match="'joint_counts' must count at least one product"):
        product_error(nothing, nothing)


def test_pooling_follows_the_law_of_total_variance():
    rng = np.random.default_rng(14)
    values = torch.from_numpy(
        rng.normal(size=(4, 1000)) * [[1], [2], [3], [4]] + [[0], [1], [5], [2]]
    )
    scale = np.array([1.0, 0.5, 2.0, 0.1])
    error = LayerError(7, scale, values.mean(1).numpy(), values.std(1, correction=0).numpy())
    assert error.std_per_output == pytest.approx(float(values.std(correction=0)), rel=1e-12)
    real = values * torch.from_numpy(scale)[:, None]
    assert error.real_std_per_output == pytest.approx(float(real.std(correction=0)), rel=1e-12)
