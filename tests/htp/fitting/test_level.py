"""A constant that keeps the greatest difference within a bound."""

import numpy as np
import pytest

from htp import fit, level
from htp.models.certify import differences
from multipliers import Multiplier, exact_products, get


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("most", [31.9, 16.0, 20.03])
def test_the_least_constant(sign, most):
    table = exact_products(True, False).astype(int)
    table[3::7, 5::11] += 32 * sign
    multiplier = Multiplier.from_lut(table, w_signed=False)
    model = level(fit(multiplier, terms=0), multiplier, most=most)
    certificate = model.certificate
    assert certificate.calls == model.calls == 2
    assert 0.99 * most < certificate.max_abs_difference <= most
    constant = model.terms[-1].coefficient
    assert constant * sign > 0
    assert set(np.unique(differences(model, multiplier))) == {constant, constant - 32 * sign}


def test_a_bound_that_holds_already():
    multiplier = get("mul8u_wallace_loa6")
    model = fit(multiplier, terms=1)
    assert level(model, multiplier, most=32) == model


def test_bounds_out_of_reach():
    multiplier = get("mul8u_wallace_loa6")
    model = fit(multiplier, terms=0)
    with pytest.raises(ValueError, match=r"'most' must be at least 16, half of what .* got 15.9"):
        level(model, multiplier, most=15.9)
    for most in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="'most' must be finite and above 0"):
            level(model, multiplier, most=most)
