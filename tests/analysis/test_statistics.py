import math

import numpy as np
import pytest

from analysis import channel_error_means, predict_error, predict_errors, product_error
from multipliers import Multiplier, exact_products

SIGNS = [(True, True), (True, False), (False, True), (False, False)]


def random_codes(seed, *, groups, rows, channels, fan_in):
    rng = np.random.default_rng(seed)
    x_codes = rng.integers(0, 256, (groups, rows, fan_in), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (groups, channels, fan_in), dtype=np.uint8)
    return x_codes, w_codes


def value(code, signed):
    return code - 256 if signed and code >= 128 else code


def naive_errors(multiplier, x_codes, w_codes, x_signed, w_signed):
    """Errors of every product, `[output channel][row][k]`, from Python integers."""
    groups, rows, fan_in = x_codes.shape
    errors = []
    for g in range(groups):
        for o in range(w_codes.shape[1]):
            channel = []
            for m in range(rows):
                row = []
                for k in range(fan_in):
                    x, w = int(x_codes[g, m, k]), int(w_codes[g, o, k])
                    exact = value(x, x_signed) * value(w, w_signed)
                    row.append(int(multiplier.lut[x, w]) - exact)
                channel.append(row)
            errors.append(channel)
    return errors


@pytest.mark.parametrize(("x_signed", "w_signed"), SIGNS)
def test_prediction_equals_plain_loops_over_all_products(
    random_multiplier, make_trace, x_signed, w_signed
):
    x_codes, w_codes = random_codes(1, groups=2, rows=5, channels=3, fan_in=4)
    multiplier = random_multiplier(2, x_signed=x_signed, w_signed=w_signed)
    scale = np.random.default_rng(3).uniform(0.1, 2.0, 6)
    trace = make_trace(x_codes, w_codes, x_signed=x_signed, w_signed=w_signed, scale=scale)
    errors = naive_errors(multiplier, x_codes, w_codes, x_signed, w_signed)

    products = [e for channel in errors for row in channel for e in row]
    mean = sum(products) / len(products)
    std = math.sqrt(sum((e - mean) ** 2 for e in products) / len(products))
    channels = [sum(map(sum, channel)) / len(channel) for channel in errors]

    predicted = predict_error(multiplier, trace)
    assert predicted.fan_in == 4
    assert predicted.mean_per_product == pytest.approx(mean, rel=1e-12)
    assert predicted.std_per_product == pytest.approx(std, rel=1e-12)
    assert predicted.mean_per_output == pytest.approx(4 * mean, rel=1e-12)
    assert predicted.std_per_output == pytest.approx(2 * std, rel=1e-12)
    real = [scale[o] * channels[o] for o in range(6)]
    assert predicted.real_mean_per_output == pytest.approx(sum(real) / 6, rel=1e-12)
    rms = math.sqrt(sum(s * s for s in scale) / 6)
    assert predicted.real_std_per_output == pytest.approx(rms * 2 * std, rel=1e-12)
    np.testing.assert_allclose(channel_error_means(multiplier, trace), channels, rtol=1e-12)


def test_channel_means_are_exact_for_dependent_operands(random_multiplier, make_trace):
    # Every row is one code repeated, and a channel's weights too: nothing is independent.
    x_codes = np.repeat(np.arange(40, 60, dtype=np.uint8), 9).reshape(1, 20, 9)
    w_codes = np.repeat(np.array([3, 200, 131], dtype=np.uint8), 9).reshape(1, 3, 9)
    multiplier = random_multiplier(5)
    means = channel_error_means(multiplier, make_trace(x_codes, w_codes))
    direct = [9 * multiplier.error[40:60, w].mean() for w in (3, 200, 131)]
    np.testing.assert_allclose(means, direct, rtol=1e-12)


def test_standard_deviation_holds_where_the_model_does(make_trace):
    # Errors that depend on independent activations alone: the assumptions are met, so that the
    # prediction may differ from the measured one by the standard error of a sample only.
    rng = np.random.default_rng(6)
    rows, fan_in = 3000, 16
    x_codes = rng.integers(0, 256, (1, rows, fan_in), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (1, 1, fan_in), dtype=np.uint8)
    offsets = rng.integers(-50, 20, (256, 1))
    multiplier = Multiplier.from_lut(exact_products(True, True) + offsets)
    outputs = offsets[x_codes[0], 0].sum(axis=1)
    predicted = predict_error(multiplier, make_trace(x_codes, w_codes))
    tolerance = 4 * predicted.std_per_output / math.sqrt(2 * rows)
    assert predicted.std_per_output == pytest.approx(outputs.std(), abs=tolerance)
    assert predicted.mean_per_output == pytest.approx(outputs.mean(), rel=1e-12)


def test_an_exact_multiplier_makes_no_error(make_trace):
    x_codes, w_codes = random_codes(7, groups=1, rows=3, channels=2, fan_in=5)
    exact = Multiplier.from_lut(exact_products(True, True))
    predicted = predict_errors(exact, {"layer": make_trace(x_codes, w_codes)})["layer"]
    assert predicted.mean_per_output == predicted.std_per_output == 0
    assert predicted.real_mean_per_output == predicted.real_std_per_output == 0


def test_ports_that_read_the_codes_otherwise_are_refused(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(8, groups=1, rows=2, channels=2, fan_in=2)
    trace = make_trace(x_codes, w_codes)
    message = r"'layer' has weights that are negative, but multiplier 'random' takes unsigned"
    with pytest.raises(ValueError, match=message):
        predict_error(random_multiplier(w_signed=False), trace)
    unsigned = make_trace(x_codes, w_codes, x_signed=False)
    with pytest.raises(ValueError, match="activations that are greater than 127, but"):
        predict_error(random_multiplier(), unsigned)


def test_small_unsigned_operands_fit_a_signed_port(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(9, groups=1, rows=2, channels=2, fan_in=2)
    multiplier = random_multiplier()
    signed = make_trace(x_codes // 2, w_codes)
    unsigned = make_trace(x_codes // 2, w_codes, x_signed=False)
    assert predict_error(multiplier, signed) == predict_error(multiplier, unsigned)


def test_an_empty_count_is_refused():
    nothing = np.zeros((256, 256), dtype=np.int64)
    with pytest.raises(ValueError, match="'joint_counts' must count at least one product"):
        product_error(nothing, nothing)
