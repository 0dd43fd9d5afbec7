"""Profiles, distributions, worst cases and structure against plain loops over Python integers."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    broken_array_multiplier,
    characterise,
    error_distribution,
    error_profile,
    exact_products,
    table_structure,
    truncated_multiplier,
    worst_cases,
)


@pytest.fixture
def multiplier():
    """Signed 4 bits by unsigned 3 bits, asymmetric."""
    noise = np.random.default_rng(2).integers(-9, 5, size=(16, 8))
    exact = np.outer([*range(8), *range(-8, 0)], range(8))
    return Multiplier.from_lut(exact + noise * (noise % 2), x_width=4, w_width=3, w_signed=False)


@pytest.fixture
def counts(multiplier):
    """Joint counts by 8-bit code, some of them 0; x = 5 and w = 2 never occur."""
    table = np.zeros((256, 256), dtype=np.int64)
    table[np.ix_(*multiplier.valid)] = np.random.default_rng(4).integers(0, 4, size=(16, 8))
    table[5], table[:, 2] = 0, 0
    return table


def pairs_of(multiplier, counts=None):
    """Tuples of x, w, exact, approximate, weight."""
    for x in range(-8, 8):
        for w in range(8):
            weight = 1 if counts is None else int(counts[x, w])
            yield x, w, x * w, int(multiplier.lut[x, w]), weight


@pytest.mark.parametrize("operand", ["x", "w"])
@pytest.mark.parametrize("weighted", [False, True])
def test_profile(multiplier, counts, operand, weighted):
    weights = counts if weighted else None
    profile = error_profile(multiplier, operand, weights=weights)
    pairs = list(pairs_of(multiplier, weights))
    total = sum(weight for *_, weight in pairs)
    assert profile.values.tolist() == list(range(-8, 8) if operand == "x" else range(8))
    for k, value in enumerate(profile.values.tolist()):
        own = [(p[3] - p[2], p[4]) for p in pairs if p[operand == "w"] == value and p[4]]
        weight = sum(weight for _, weight in own)
        assert profile.probability[k] == pytest.approx(weight / total)
        if not own:
            assert np.isnan([profile.error_mean[k], profile.mae[k], profile.wce[k]]).all()
            continue
        assert profile.error_mean[k] == pytest.approx(sum(e * n for e, n in own) / weight)
        assert profile.mae[k] == pytest.approx(sum(abs(e) * n for e, n in own) / weight)
        assert profile.wce[k] == max(abs(e) for e, _ in own)


def test_profile_agrees_with_the_figures(multiplier, counts):
    figures = characterise(multiplier, weights=counts)
    for operand in ("x", "w"):
        profile = error_profile(multiplier, operand, weights=counts)
        assert np.nansum(profile.probability * profile.mae) == pytest.approx(figures.mae)
        assert np.nanmax(profile.wce) == figures.wce


@pytest.mark.parametrize("weighted", [False, True])
def test_distribution(multiplier, counts, weighted):
    weights = counts if weighted else None
    expected = Counter()
    for _, _, exact, approximate, weight in pairs_of(multiplier, weights):
        expected[approximate - exact] += weight
    occurring = {error: n for error, n in sorted(expected.items()) if n}
    distribution = error_distribution(multiplier, weights=weights)
    assert distribution.errors.tolist() == list(occurring)
    assert distribution.probability == pytest.approx(
        np.array(list(occurring.values())) / sum(occurring.values())
    )


@pytest.mark.parametrize("by", ["absolute", "relative"])
@pytest.mark.parametrize("weighted", [False, True])
def test_worst_cases(multiplier, counts, by, weighted):
    weights = counts if weighted else None

    def severity(pair):
        x, w, exact, approximate, _ = pair
        error = abs(approximate - exact)
        return (-(Fraction(error, abs(exact)) if by == "relative" else error), x, w)

    eligible = [
        pair
        for pair in pairs_of(multiplier, weights)
        if pair[4] and pair[3] != pair[2] and (by == "absolute" or pair[2])
    ]
    expected = [pair[:4] for pair in sorted(eligible, key=severity)]
    cases = worst_cases(multiplier, 1000, by=by, weights=weights)
    assert [(case.x, case.w, case.exact, case.approximate) for case in cases] == expected
    assert worst_cases(multiplier, 3, by=by, weights=weights) == cases[:3]
    if by == "absolute":
        assert abs(cases[0].error) == characterise(multiplier, weights=weights).wce


def test_an_exact_multiplier_has_no_worst_case():
    assert worst_cases(Multiplier.from_lut(exact_products(True, True))) == ()


def test_structure_of_circuits():
    def structure(netlist):
        return table_structure(Multiplier.from_netlist(netlist))

    truncated = structure(truncated_multiplier(3, signed=True))
    assert (truncated.commutes, truncated.product_rank, truncated.error_rank) == (True, 1, 2)
    rows = structure(broken_array_multiplier(2, 0, signed=False))
    assert (rows.commutes, rows.product_rank, rows.error_rank) == (False, 1, 1)


def test_symmetric_share_of_ports_that_differ(multiplier):
    """Signed 4 bits and unsigned 3 bits both accept 0..7."""
    same = [multiplier.lut[a, b] == multiplier.lut[b, a] for a in range(8) for b in range(a + 1, 8)]
    structure = table_structure(multiplier)
    assert structure.symmetric_share == pytest.approx(sum(same) / len(same))
    assert structure.symmetric_share < 1
    assert not structure.commutes


def test_refusals(multiplier):
    with pytest.raises(ValueError, match="'operand' must be 'x' or 'w', got 'a'"):
        error_profile(multiplier, "a")
    with pytest.raises(ValueError, match="'count' must be at least 1, got 0"):
        worst_cases(multiplier, 0)
    with pytest.raises(ValueError, match=r"'by' must be one of .*'relative'.*, got 'mean'"):
        worst_cases(multiplier, by="mean")
