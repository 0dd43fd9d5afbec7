import numpy as np
import pytest

import htp
from multipliers import Multiplier


@pytest.mark.parametrize("signs", [(True, True), (False, False), (False, True)])
def test_the_coefficients_are_those_of_least_squares_over_all_pairs(signs):
    rng = np.random.default_rng(3)
    table = rng.integers(-9000, 20000, (256, 256)).astype(np.int32)
    multiplier = Multiplier.from_lut(table, x_signed=signs[0], w_signed=signs[1])
    x, w = (
        codes.astype(np.int8).astype(float) if signed else codes.astype(float)
        for codes, signed in zip(
            np.meshgrid(*[np.arange(256)] * 2, indexing="ij"), signs, strict=True
        )
    )
    design = np.stack([np.ones_like(x), x, w, x * w], axis=-1).reshape(-1, 4)
    expected = np.linalg.lstsq(design, table.ravel().astype(float), rcond=None)[0]
    model = htp.fit_affine(multiplier, bits=24)
    found = model(lambda a, b: a[:, None] * b[None], x[:, 0], w[0], {})
    np.testing.assert_allclose(found.ravel(), design @ expected, rtol=1e-5, atol=1e-2)
    assert model.calls == 2


def test_an_affine_multiplier_is_met_exactly():
    x, w = np.meshgrid(*[np.arange(256).astype(np.int8).astype(int)] * 2, indexing="ij")
    multiplier = Multiplier.from_lut(3 * x * w - 5 * x + 7 * w + 11)
    assert htp.fit_affine(multiplier).certificate.max_abs_difference == 0


def test_bits_are_checked():
    with pytest.raises(ValueError, match="'bits' must be from 2 to 24, got 1"):
        htp.fit_affine(np.zeros((256, 256), np.int32), bits=1)
