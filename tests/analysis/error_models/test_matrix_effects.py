"""Effects of the elements, rows and columns of attention's matrices, against simulated ones."""

import numpy as np
import pytest

from analysis.error_models.matrix_effects import matrix_effects, random_shares
from multipliers import Multiplier, code_values, exact_products
from tests.analysis.error_models.brute_force import random_codes


def test_shares_of_simulated_effects():
    rng = np.random.default_rng(0)
    sizes = ((4000, 1, 1), (4000, 8, 1), (4000, 1, 5), (4000, 8, 5))
    variances = np.array([1.0, 3.0, 4.0, 2.0])
    values = sum(np.sqrt(v) * rng.standard_normal(s) for v, s in zip(variances, sizes, strict=True))
    # Standard errors are at most root of 2 / 4000 of a mean square.
    np.testing.assert_allclose(random_shares(values), variances[:3] / 10, atol=0.02)
    shares = random_shares(values, own_variance=10.0)
    np.testing.assert_allclose(shares, variances[:3] / 20, atol=0.01)


def test_one_row_and_column_share_nothing_with_others():
    values = np.random.default_rng(0).standard_normal((50, 1, 1))
    assert random_shares(values).sum() <= 1
    np.testing.assert_array_equal(random_shares(np.zeros((4, 3, 2))), 0)


def test_errors_of_the_weight_port_belong_to_columns(make_trace):
    x_codes, w_codes = random_codes(4, groups=40, rows=8, channels=5)
    w_values = code_values(True)[None, :]
    multiplier = Multiplier.from_lut(exact_products(True, True) + 9 * w_values)
    trace = make_trace(x_codes, w_codes, fixed_weights=False)
    effects = matrix_effects(multiplier, trace, elements=False)
    assert effects.offset.shape == (1,)
    assert effects.shares[2] + effects.shares[0] == pytest.approx(1, abs=1e-2)
    assert effects.shares[1] == pytest.approx(0, abs=1e-2)


def test_a_proportional_error_is_all_slope(make_trace):
    x_codes, w_codes = random_codes(4, groups=40, rows=8, channels=5)
    tripled = Multiplier.from_lut(3 * exact_products(True, True))
    trace = make_trace(x_codes, w_codes, fixed_weights=False, x_zero_point=0)
    effects = matrix_effects(tripled, trace)
    assert effects.slope == pytest.approx(2)
    np.testing.assert_allclose(effects.offset, 0, atol=1e-6)


def test_elements_that_are_the_same_in_all_samples_have_all_of_the_error(
    random_multiplier, make_trace
):
    x_codes, w_codes = random_codes(5, groups=1, rows=3, channels=5)
    multiplier = random_multiplier(5)
    trace = make_trace(
        np.repeat(x_codes, 200, axis=0), np.repeat(w_codes, 200, axis=0), fixed_weights=False
    )
    effects = matrix_effects(multiplier, trace)
    codes = x_codes[0][:, None, :], w_codes[0][None]
    errors = multiplier.error[codes].sum(axis=2)
    exact = multiplier.exact[codes].sum(axis=2)
    left = errors - effects.slope * exact
    np.testing.assert_allclose(effects.offset, left - left.mean(), atol=1e-2 * left.std())
