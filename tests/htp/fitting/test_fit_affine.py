import numpy as np
import pytest

import htp
import multipliers
from multipliers import Multiplier


@pytest.mark.parametrize("weighted", ["", "pairs", "marginals"])
@pytest.mark.parametrize("signs", [(True, True), (False, False), (False, True)])
def test_the_coefficients_are_those_of_least_squares(signs, weighted):
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
    counts = rng.integers(1, 1000, (256, 256)) if weighted == "pairs" else np.ones((256, 256))
    marginals = rng.random(256) + 0.1, rng.random(256) + 0.1
    if weighted == "marginals":
        counts = np.outer(*marginals)
    root = np.sqrt(counts.ravel())[:, None]
    products = table.reshape(-1, 1).astype(float)
    expected = np.linalg.lstsq(root * design, (root * products).ravel(), rcond=None)[0]
    weights = {"": None, "pairs": counts, "marginals": marginals}[weighted]
    model = htp.fit_affine(multiplier, weights=weights, bits=24)
    found = model(lambda a, b: a[:, None] * b[None], x[:, 0], w[0], {})
    np.testing.assert_allclose(found.ravel(), design @ expected, rtol=1e-5, atol=1e-2)
    assert model.calls == 2


def test_an_affine_multiplier_is_met_exactly():
    x, w = np.meshgrid(*[np.arange(256).astype(np.int8).astype(int)] * 2, indexing="ij")
    multiplier = Multiplier.from_lut(3 * x * w - 5 * x + 7 * w + 11)
    assert htp.fit_affine(multiplier).certificate.max_abs_difference == 0


def test_a_plane_through_what_occurs_passes_where_the_multiplier_is_exact():
    """Of operands 0 and 1 nothing of this multiplier's error is seen."""
    multiplier = multipliers.get("mul8s_bam_h0_v8")
    counts = np.zeros((256, 256), int)
    counts[:2, :2] = 1
    near, far = (htp.fit_affine(multiplier, weights=weights) for weights in (counts, None))
    zero = np.zeros(1)
    at_zero = [model(lambda a, b: a * b, zero, zero, {}).item() for model in (near, far)]
    assert abs(at_zero[0]) < 1
    assert at_zero[1] < -300


def test_weights_are_checked():
    with pytest.raises(ValueError, match=r"'weights' must be \(256, 256\) or a tuple"):
        htp.fit_affine(np.zeros((256, 256), np.int32), weights=np.ones(3))


def test_bits_are_checked():
    with pytest.raises(ValueError, match="'bits' must be from 2 to 24, got 1"):
        htp.fit_affine(np.zeros((256, 256), np.int32), bits=1)
