"""Figures under operand distributions against plain loops over every multiplied pair."""

import math

import numpy as np
import pytest

from multipliers import Multiplier, Port, characterise, code_values, exact_products


@pytest.fixture(params=[(True, True), (False, True)])
def multiplier(request):
    noise = np.random.default_rng(11).integers(-900, 300, size=(256, 256))
    table = exact_products(*request.param) + noise * (noise % 3 == 0)
    return Multiplier.from_lut(table, x_signed=request.param[0], w_signed=request.param[1])


def counts(seed, scale=5):
    """Random counts with codes and pairs that never occur."""
    table = np.random.default_rng(seed).integers(0, scale, size=(256, 256))
    table[:, 40:90] = 0
    table[200:] = 0
    return table


def naive_figures(multiplier, weights, convention):
    x_values = code_values(multiplier.x_port.signed).tolist()
    w_values = code_values(multiplier.w_port.signed).tolist()
    pairs = [
        (weight, x_values[x] * w_values[w], int(multiplier.lut[x, w]) - x_values[x] * w_values[w])
        for x, row in enumerate(weights)
        for w, weight in enumerate(row)
        if weight
    ]
    total = math.fsum(weight for weight, _, _ in pairs)
    counted = math.fsum(p for p, exact, _ in pairs if exact or convention != "skip-zero")
    below = [max(1, abs(exact)) for _, exact, _ in pairs]
    relative = [
        p * abs(error) / one
        for (p, exact, error), one in zip(pairs, below, strict=True)
        if exact or convention == "max-one"
    ]
    mean = math.fsum(p * error for p, _, error in pairs) / total
    return {
        "error_mean": mean,
        "error_std": math.sqrt(math.fsum(p * (e - mean) ** 2 for p, _, e in pairs) / total),
        "mae": math.fsum(p * abs(error) for p, _, error in pairs) / total,
        "wce": max(abs(error) for _, _, error in pairs),
        "mred": math.fsum(relative) / counted,
        "error_rate": math.fsum(p for p, _, error in pairs if error) / total,
        "mse": math.fsum(p * error**2 for p, _, error in pairs) / total,
        "wcre": max(abs(error) / abs(exact) for _, exact, error in pairs if exact),
    }


@pytest.mark.parametrize("convention", ["skip-zero", "max-one", "zero-counts"])
@pytest.mark.parametrize("form", ["counts", "probabilities", "marginals"])
def test_against_plain_loops(multiplier, form, convention):
    joint = counts(3)
    weights = joint
    if form == "probabilities":
        weights = joint / joint.sum()
    if form == "marginals":
        weights = joint.sum(axis=1), joint.sum(axis=0).astype(np.float32)
        joint = np.multiply.outer(*weights).astype(float)
    figures = characterise(multiplier, mred=convention, weights=weights)
    expected = naive_figures(multiplier, joint.tolist(), convention)
    for name, value in expected.items():
        assert getattr(figures, name) == pytest.approx(value, rel=1e-10), name
    assert figures.nmed == figures.mae / 2**16
    assert figures.nwce == figures.wce / 2**16


@pytest.mark.parametrize("weights", [np.ones((256, 256), int), (np.ones(256),) * 2])
def test_equal_weights_are_no_weights(multiplier, weights):
    uniform, weighted = characterise(multiplier), characterise(multiplier, weights=weights)
    for name in ("error_mean", "error_std", "mae", "wce", "mred", "error_rate", "mse", "wcre"):
        assert getattr(weighted, name) == pytest.approx(getattr(uniform, name), rel=1e-12), name


def test_huge_counts_are_exact(multiplier):
    """Sums that fit no int64 on the way: the same figures as for the counts without the factor."""
    small = counts(5)
    huge = characterise(multiplier, weights=small * (1 << 40))
    assert huge.error_mean == characterise(multiplier, weights=small).error_mean
    assert huge.mse == characterise(multiplier, weights=small).mse


def test_one_pair(multiplier):
    weights = np.zeros((256, 256), dtype=np.uint8)
    weights[3, 250] = 7
    error = int(multiplier.error[3, 250])
    figures = characterise(multiplier, weights=weights)
    assert (figures.error_mean, figures.error_std, figures.wce) == (error, 0, abs(error))


def test_operands_that_are_always_zero(multiplier):
    """No pair with a product other than 0: there is no relative error."""
    zero = np.zeros(256)
    zero[0] = 1
    figures = characterise(multiplier, weights=(zero, np.ones(256)))
    assert math.isnan(figures.mred)
    assert math.isnan(figures.wcre)
    zero_counts = characterise(multiplier, mred="zero-counts", weights=(zero, np.ones(256)))
    assert zero_counts.mred == 0


def test_narrow_ports():
    port = Port(3, True)
    multiplier = Multiplier.from_function(
        lambda x, w: x * w + x - w, name="f", x_port=port, w_port=port
    )
    values = range(-4, 4)
    uniform = characterise(multiplier)
    assert uniform.mae == sum(abs(x - w) for x in values for w in values) / 64
    assert (uniform.wce, uniform.nwce, uniform.nmed) == (7, 7 / 64, uniform.mae / 64)
    weights = np.zeros((256, 256), int)
    weights[2, 255] = 3  # 2 * -1
    weights[252, 1] = 1  # -4 * 1
    assert characterise(multiplier, weights=weights).error_mean == (3 * 3 + 1 * -5) / 4
    weights[4, 0] = 1
    weights[5, 0] = 1
    with pytest.raises(
        ValueError, match=r"'x_port' does not accept, signed 3-bit \(-4\.\.3\); got 2 other codes"
    ):
        characterise(multiplier, weights=weights)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones((256, 256), bool), TypeError, "must be integers or floats .* got bool"),
        (np.ones((256, 255)), ValueError, r"must be \(256, 256\) or .* got float64 \(256, 255\)"),
        ((np.ones(256), np.ones(16)), ValueError, r"two \(256,\), got float64 \(16,\)"),
        ((np.ones(256),), ValueError, "a table or two marginals, got 1"),
        (np.zeros((256, 256)), ValueError, "not all 0"),
        (-np.ones((256, 256)), ValueError, "not negative"),
        (np.full((256, 256), np.nan), ValueError, "finite"),
        (np.full((256, 256), 1 << 47), ValueError, r"less than 2\^62"),
    ],
)
def test_refused_weights(multiplier, weights, error, message):
    with pytest.raises(error, match=message):
        characterise(multiplier, weights=weights)
