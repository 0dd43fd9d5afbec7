"""Fitted models: planted structures are found, bounds hold, numbers are those of small hardware."""

from itertools import pairwise

import numpy as np
import pytest

from htp import Combination, Feature, TableFeature, fit, fit_function, fit_path
from htp.fitting.basis import candidate_features
from htp.fitting.low_rank import Measure, dominant_pair, refined
from htp.fitting.points import AllPairs, SampledPairs
from htp.fitting.rounding import integer_table, rounded_coefficient, rounded_table
from multipliers import (
    Multiplier,
    Port,
    code_values,
    exact_products,
    get,
    netlist_function,
    truncated_multiplier,
)

BASES = ["table", "mixed", "named"]


def planted(*terms, x_signed=True, w_signed=False):
    """The exact product plus given products of features."""
    x, w = (code_values(signed).astype(float) for signed in (x_signed, w_signed))
    table = exact_products(x_signed, w_signed).astype(float)
    for coefficient, f, g in terms:
        table = table + coefficient * np.outer(f(x), g(w))
    return Multiplier.from_lut(table.astype(int), x_signed=x_signed, w_signed=w_signed)


V, ONE, MOD2, MOD3, MOD4, BIT5, BIT6, TOP, TOP2 = (
    Feature("identity"), Feature("one"), Feature("mod", 2), Feature("mod", 3), Feature("mod", 4),
    Feature("bit", 5), Feature("bit", 6), Feature("leading", 1), Feature("leading", 2),
)  # fmt: skip
PLANTED = {
    "one term": [(-1, MOD3, TOP2)],
    "two terms": [(-2, BIT5, V), (3, ONE, MOD4)],
    "a sum": [(1, TOP, BIT6), (5, TOP, MOD2)],
}


@pytest.mark.parametrize("terms", PLANTED.values(), ids=PLANTED)
def test_planted_terms_are_found_exactly(terms):
    multiplier = planted(*terms)
    named = fit(multiplier, terms=2, basis="named")
    assert named.certificate.exact
    # Terms that share a function are one call.
    assert named.calls == 1 + len({str(f) for _, f, _ in terms})
    mixed = fit(multiplier, terms=len(terms), basis="mixed", bits=10)
    assert mixed.certificate.exact


@pytest.mark.parametrize("basis", BASES)
def test_the_exact_multiplier_needs_no_correction(basis):
    model = fit(exact_products(True, True), basis=basis)
    assert model.calls == 1
    assert model.certificate.exact


@pytest.mark.parametrize("basis", BASES)
def test_paths_come_nearer(basis):
    models = list(fit_path(get("mul8s_mitchell"), terms=4, basis=basis))
    assert [model.calls for model in models] == [1, 2, 3, 4, 5]
    squares = [model.certificate.std_difference**2 + model.certificate.error_mean_difference**2
               for model in models]  # fmt: skip
    assert all(after < before for before, after in pairwise(squares))


def test_tables_reach_the_singular_values():
    """No sum of t outer products is nearer than the singular values that it leaves."""
    multiplier = get("mul8u_mitchell")
    values = np.linalg.svd(multiplier.error.astype(float), compute_uv=False)
    for terms, model in enumerate(fit_path(multiplier, terms=4, bits=12)):
        certificate = model.certificate
        square = certificate.std_difference**2 + certificate.error_mean_difference**2
        least = (values[terms:] ** 2).sum() / 2**16
        assert least * (1 - 1e-9) <= square <= least * 1.001


@pytest.mark.parametrize("basis", ["table", "mixed"])
def test_fewer_terms_where_the_stated_error_is_reached(basis):
    multiplier = get("mul8u_mitchell")
    path = list(fit_path(multiplier, terms=6, basis=basis))
    stated = path[3].certificate.mean_abs_difference
    found = fit(multiplier, terms=6, basis=basis, error=stated)
    assert found == path[3]
    assert fit(multiplier, terms=6, basis=basis, error=stated * 0.999).calls > found.calls
    assert fit(multiplier, terms=6, basis=basis, error=1e9).calls == 1


@pytest.mark.parametrize("joint", [True, False])
def test_weights_pull_the_model_to_the_operands_that_occur(joint):
    multiplier = get("mul8s_mitchell")
    x_counts, w_counts = (np.exp(-((code_values(True) / spread) ** 2)) for spread in (20.0, 35.0))
    weights = np.outer(x_counts, w_counts) if joint else (x_counts, w_counts)
    if joint:
        weights = weights + np.diag(weights.sum(axis=1))  # operands that depend on each other
    probabilities = np.outer(x_counts, w_counts) if not joint else weights

    def mean_square(model):
        values = code_values(True).astype(float)[:, None]
        got = model(lambda x, w: x @ w.T, values, values, {})
        return (probabilities * (got - multiplier.lut) ** 2).sum() / probabilities.sum()

    for basis in BASES:
        plain = fit(multiplier, terms=2, basis=basis)
        weighted = fit(multiplier, terms=2, basis=basis, weights=weights)
        assert mean_square(weighted) < mean_square(plain), basis


def test_criteria_make_small_what_they_name():
    multiplier = get("mul8u_array_loa8")
    square, absolute, peak = (
        fit(multiplier, terms=2, **options).certificate
        for options in ({}, {"criterion": "absolute"}, {"criterion": "absolute", "peak": 1.0})
    )
    assert absolute.mean_abs_difference < min(square.mean_abs_difference, peak.mean_abs_difference)
    assert peak.max_abs_difference < min(square.max_abs_difference, absolute.max_abs_difference)


@pytest.mark.parametrize(
    ("basis", "options"),
    [("table", {}), ("table", {"criterion": "absolute", "peak": 0.3}), ("mixed", {}),
     ("mixed", {"criterion": "absolute"})],
)  # fmt: skip
@pytest.mark.parametrize("bits", [4, 8])
def test_tables_are_small_integers_times_powers_of_two(basis, options, bits):
    model = fit(get("mul8u_momeni_c8"), terms=2, basis=basis, bits=bits, **options)
    most = 2 ** (bits - 1) - 1
    for term in model.terms[1:]:
        functions = [term.w_function] if basis == "mixed" else [term.x_function, term.w_function]
        for function in functions:
            values = np.array(function.values)
            exponent = np.ceil(np.log2(np.abs(values).max() / most))
            integers = values / 2**exponent
            assert (integers == np.rint(integers)).all()
            assert np.abs(integers).max() <= most
    port = Port(8, signed=False)
    assert model.exact_depth(53, x_port=port, w_port=port) > 2**16


def test_coefficients_of_named_terms_have_few_bits():
    model = fit(get("mul8u_mitchell"), terms=3, basis="named", bits=5)
    for term in model.terms[1:]:
        for function in (term.x_function, term.w_function):
            assert not isinstance(function, TableFeature)
            if isinstance(function, Combination):
                for factor, _ in function.parts:
                    assert factor == rounded_coefficient(factor, 5)
        assert term.coefficient == rounded_coefficient(term.coefficient, 5)


def test_narrow_ports():
    multiplier = get("mul4s_mitchell")
    for basis in BASES:
        model = fit(multiplier, terms=8, basis=basis)
        assert model.certificate.pairs == 256
        assert model.certificate.mean_abs_difference < 0.7 * np.abs(multiplier.error).mean()


def test_a_wide_circuit():
    port = Port(12, signed=True)
    function = netlist_function(truncated_multiplier(3, signed=True, width=12))
    model = fit_function(function, port, port, terms=2, name="mul12s_tm_k3", samples=5000)
    assert model.calls == 3
    certificate = model.certificate
    assert (certificate.multiplier, certificate.digest) == ("mul12s_tm_k3", "")
    assert certificate.exact_share == 1
    low, high = certificate.exact_share_interval
    assert 0.999 < low < high == 1
    assert not certificate.exact  # a sample proves nothing
    assert fit_function(function, port, port, terms=0, samples=100).calls == 1


def test_all_pairs_and_samples_of_all_pairs_agree():
    generator = np.random.default_rng(0)
    x, w = generator.normal(size=(3, 5)), generator.normal(size=(2, 7))
    target, residual = generator.normal(size=(2, 5, 7))
    grid = AllPairs(target, np.full((5, 7), 1 / 35), x, w)
    sample = SampledPairs(target.ravel(), np.repeat(x, 7, axis=1), np.tile(w, (1, 5)))
    assert np.allclose(grid.products(2, 1).ravel(), sample.products(2, 1))
    assert np.allclose(grid.correlations(residual), sample.correlations(residual.ravel()))
    for a, b in zip(grid.grams(), sample.grams(), strict=True):
        assert np.allclose(a, b)
    for side, number in ((0, 2), (1, 1)):
        assert np.allclose(grid.gram_along(side, number), sample.gram_along(side, number))


def test_dominant_pair_is_the_best_of_rank_one():
    generator = np.random.default_rng(1)
    table, probabilities = generator.normal(size=(6, 9)), generator.random((6, 9)) + 0.1
    probabilities /= probabilities.sum()

    def left_over(f, g):
        return (probabilities * (table - np.outer(f, g)) ** 2).sum()

    f, g = dominant_pair(table, probabilities)
    best = left_over(f, g)
    for _ in range(200):
        assert left_over(f + generator.normal(size=6) * 0.02, g) > best - 1e-12
        assert left_over(f, g + generator.normal(size=9) * 0.02) > best - 1e-12
    assert not dominant_pair(np.zeros((4, 4)), np.full((4, 4), 1 / 16))[1].any()


@pytest.mark.parametrize("measure", [Measure(1, 0.0), Measure(2, 0.5), Measure(1, 3.0)])
def test_refining_never_makes_it_worse(measure):
    generator = np.random.default_rng(2)
    table, probabilities = generator.normal(size=(12, 10)) ** 3, np.full((12, 10), 1 / 120)
    left, right = generator.normal(size=(12, 2)), generator.normal(size=(10, 2))
    before = measure(table - left @ right.T, probabilities)
    left, right = refined(table, probabilities, left, right, measure=measure)
    assert measure(table - left @ right.T, probabilities) < 0.9 * before


def test_the_measure_by_hand():
    difference, probabilities = np.array([[1.0, -3.0]]), np.array([[0.75, 0.25]])
    assert Measure(1, 0.0)(difference, probabilities) == pytest.approx(1.5)
    assert Measure(2, 0.0)(difference, probabilities) == pytest.approx(3**0.5)
    peak = (0.75 + 0.25 * 3**32) ** (1 / 32)
    assert Measure(1, 2.0)(difference, probabilities) == pytest.approx(1.5 + 2 * peak)


def test_rounding():
    assert [rounded_coefficient(value, 3) for value in (0.0, 7.4, -7.6, 0.3)] == [0, 7, -8, 0.3125]
    assert rounded_table(np.array([7.0, -7.0, 0.4]), 4).tolist() == [7, -7, 0]
    assert rounded_table(np.zeros(3), 4).tolist() == [0, 0, 0]
    assert integer_table(np.zeros(3), 4).tolist() == [0, 0, 0]


def test_candidates_are_different_functions():
    for port in (Port(8, signed=True), Port(8, signed=False), Port(3, signed=True)):
        values = port.values.astype(float)
        seen = {tuple(feature(values)) for feature in candidate_features(port)}
        assert len(seen) >= len(candidate_features(port)) - 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"terms": -1}, ValueError, "'terms' must be from 0 to 64, got -1"),
        ({"terms": 2.0}, TypeError, "'terms' must be an int, got 2"),
        ({"bits": 1}, ValueError, "'bits' must be from 2 to 24, got 1"),
        ({"basis": "bits"}, ValueError, "'basis' must be 'table', 'mixed' or 'named', got 'bits'"),
        ({"criterion": "max"}, ValueError, "must be 'square' or 'absolute', got 'max'"),
        ({"peak": -1}, ValueError, "'peak' must be finite and at least 0, got -1"),
        ({"basis": "named", "peak": 1}, ValueError, "a named basis fits squares only"),
        ({"weights": np.zeros((256, 256))}, ValueError, "'weights' must be finite, not negative"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        fit(get("mul8s_mitchell"), **options)
    with pytest.raises(error, match=message):
        next(fit_path(get("mul8s_mitchell"), **options))
