"""The line of the error over the output, against a fit to plain integers."""

import numpy as np
import pytest

from analysis.error_models.output_slope import exact_outputs, output_slope
from multipliers import Multiplier, exact_products
from tests.analysis.error_models.brute_force import product_errors, random_codes, value


def test_line_through_the_outputs_of_every_channel(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(1, groups=2, rows=30)
    zero_points = np.array([3, -4, 5, -6, 7, -8])
    multiplier = random_multiplier(1, x_signed=False)
    trace = make_trace(x_codes, w_codes, x_signed=False, x_zero_point=9, w_zero_point=zero_points)
    errors = product_errors(multiplier, x_codes, w_codes, False, True)
    line = output_slope(multiplier, trace)
    for channel in range(6):
        group, column = divmod(channel, 3)
        outputs = [
            sum(
                (int(x) - 9) * (value(int(w), True) - int(zero_points[channel]))
                for x, w in zip(row, w_codes[group, column], strict=True)
            )
            for row in x_codes[group]
        ]
        slope, _ = np.polyfit(outputs, [sum(row) for row in errors[channel]], 1)
        assert line.slope[channel] == pytest.approx(slope, rel=1e-9)
        assert line.output_mean[channel] == pytest.approx(np.mean(outputs), rel=1e-12)
        assert line.output_std[channel] == pytest.approx(np.std(outputs), rel=1e-10)


def test_a_proportional_error_leaves_nothing_over(make_trace):
    x_codes, w_codes = random_codes(2, rows=20)
    tripled = Multiplier.from_lut(3 * exact_products(True, True))
    trace = make_trace(x_codes, w_codes)
    np.testing.assert_allclose(output_slope(tripled, trace).slope, 2, rtol=1e-12)


def test_a_constant_output_has_no_slope(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(3)
    line = output_slope(random_multiplier(3), make_trace(x_codes, np.zeros_like(w_codes)))
    np.testing.assert_array_equal(line.slope, 0)


def test_products_of_two_activations(random_multiplier, make_trace):
    x_codes, w_codes = random_codes(4, groups=3, rows=8, channels=5)
    trace = make_trace(x_codes, w_codes, fixed_weights=False, x_zero_point=2)
    outputs = exact_outputs(trace)
    assert outputs.shape == (3 * 8 * 5, 1)
    x = x_codes.view(np.int8).astype(int) - 2
    w = w_codes.view(np.int8).astype(int)
    expected = np.sort((x @ w.transpose(0, 2, 1)).ravel())
    np.testing.assert_array_equal(np.sort(outputs.ravel()), expected)
    assert output_slope(random_multiplier(4), trace).slope.shape == (1,)
