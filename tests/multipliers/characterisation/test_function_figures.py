"""Figures of functions: all pairs against tables, samples against their own operands."""

from dataclasses import astuple, fields

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    Port,
    characterise,
    characterise_function,
    netlist_function,
    truncated_multiplier,
)


def truncated(x, w):
    return ((x >> 2) * (w >> 3)) << 5


@pytest.mark.parametrize("mred", ["skip-zero", "max-one", "zero-counts"])
@pytest.mark.parametrize(
    ("x_port", "w_port"),
    [
        (Port(8, True), Port(8, True)),
        (Port(8, False), Port(5, True)),
        (Port(2, True), Port(2, True)),
    ],
)
def test_all_pairs_as_the_table(x_port, w_port, mred):
    multiplier = Multiplier.from_function(truncated, name="f", x_port=x_port, w_port=w_port)
    found = characterise_function(truncated, x_port, w_port, mred=mred)
    expected = characterise(multiplier, mred=mred)
    for field in fields(expected):
        value = getattr(expected, field.name)
        if field.name != "mred_convention":
            value = pytest.approx(value, rel=1e-12)
        assert getattr(found.figures, field.name) == value, field.name
    assert (found.exhaustive, found.pairs) == (True, 1 << x_port.width + w_port.width)
    assert set(astuple(found.standard_errors)) == {0.0}


def test_several_blocks():
    """2^18 pairs of 12 by 6 bits are two blocks; MAE and WCE of TM in closed form per operand."""
    x_port, w_port = Port(12, False), Port(6, False)
    figures = characterise_function(truncated, x_port, w_port).figures
    x, w = np.arange(1 << 12)[:, None], np.arange(1 << 6)
    error = truncated(x, w) - x * w
    assert figures.mae == np.abs(error).sum() / error.size
    assert figures.wce == np.abs(error).max()
    assert figures.nmed == figures.mae / 2**18


def test_wider_errors_than_32_bits_are_exact():
    port = Port(12, False)
    figures = characterise_function(lambda x, w: x * w + (1 << 39) + x, port, port).figures
    assert figures.wce == (1 << 39) + 4095
    assert figures.error_mean == (1 << 39) + 4095 / 2
    assert figures.error_std**2 == pytest.approx((4096**2 - 1) / 12, rel=1e-12)


@pytest.mark.parametrize("mred", ["skip-zero", "max-one", "zero-counts"])
def test_standard_errors(mred):
    """Every figure and its standard error from the operands that were drawn, in floats."""
    drawn = []

    def recorded(x, w):
        drawn.append((x.copy(), w.copy()))
        return truncated(x, w)

    x_port, w_port = Port(3, True), Port(16, True)
    found = characterise_function(recorded, x_port, w_port, samples=150_000, mred=mred)
    x, w = (np.concatenate(operand) for operand in zip(*drawn, strict=True))
    assert len(x) == found.pairs == 150_000
    assert not found.exhaustive
    exact = x * w
    error = (truncated(x, w) - exact).astype(float)
    relative = np.abs(error) / np.maximum(np.abs(exact), 1)
    if mred == "skip-zero":
        relative = relative[exact != 0]
    if mred == "zero-counts":
        relative[exact == 0] = 0
    root = np.sqrt(len(x))
    deviation = (error - error.mean()) ** 2
    expected = {
        "error_mean": (error.mean(), error.std() / root),
        "error_std": (error.std(), deviation.std() / root / (2 * error.std())),
        "mae": (np.abs(error).mean(), np.abs(error).std() / root),
        "mred": (relative.mean(), relative.std() / np.sqrt(relative.size)),
        "error_rate": ((error != 0).mean(), (error != 0).std() / root),
        "mse": ((error**2).mean(), (error**2).std() / root),
        "nmed": (np.abs(error).mean() / 2**19, np.abs(error).std() / root / 2**19),
    }
    for name, (figure, standard_error) in expected.items():
        assert getattr(found.figures, name) == pytest.approx(figure), name
        assert getattr(found.standard_errors, name) == pytest.approx(standard_error), name


@pytest.mark.parametrize("seed", range(3))
def test_samples_are_close_to_all_pairs(seed):
    port = Port(9, False)
    everything = characterise_function(truncated, port, port).figures
    found = characterise_function(truncated, port, port, samples=20_000, seed=seed)
    for field in fields(found.standard_errors):
        difference = getattr(found.figures, field.name) - getattr(everything, field.name)
        assert abs(difference) < 4.5 * getattr(found.standard_errors, field.name), field.name
    assert found.figures.wce <= everything.wce


def test_same_seed_same_sample():
    port = Port(16, True)
    first, again, other = (
        characterise_function(truncated, port, port, samples=5000, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.figures.mae != other.figures.mae


def test_wide_netlists():
    """TM(3) of 16 bits: the mean absolute error of independent uniform operands by hand."""
    netlist = truncated_multiplier(3, signed=False, width=16)
    port = Port(16, False)
    found = characterise_function(netlist_function(netlist), port, port, samples=200_000)
    mean, low = (2**16 - 1) / 2, 3.5  # of an operand, and of its low three bits
    expected = 2 * low * mean - low * low
    assert abs(found.figures.mae - expected) < 4.5 * found.standard_errors.mae


def test_an_exact_function_has_no_error_to_estimate():
    found = characterise_function(np.multiply, Port(16, True), Port(9, False), samples=1000)
    assert set(astuple(found.standard_errors)) == {0.0}
    assert (found.figures.mae, found.figures.wce, found.figures.mred) == (0, 0, 0)


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (np.multiply, {"samples": 1}, ValueError, "'samples' must be at least 2, got 1"),
        (np.multiply, {"mred": "all"}, ValueError, r"'mred' must be one of .* got 'all'"),
        (np.true_divide, {}, TypeError, "array of integers, got float64"),
        (lambda x, _: x[:1], {}, ValueError, r"shaped as its operands, \(256,\), got \(1,\)"),
        (lambda x, _: x + (1 << 41), {}, ValueError, r"errors must be less than 2\^40 in size"),
        (lambda x, _: x.astype("u8") | 1 << 63, {}, ValueError, "products that fit int64"),
    ],
)
def test_refusals(function, options, error, message):
    port = Port(4, False)
    with pytest.raises(error, match=message), np.errstate(all="ignore"):
        characterise_function(function, port, port, **options)


@pytest.mark.parametrize(("samples", "pairs"), [(None, 1 << 18), (300_000, 300_000)])
def test_progress_ends_with_all_pairs(samples, pairs):
    reports = []
    port = Port(9, signed=False)
    characterise_function(
        lambda x, w: x * w, port, port, samples=samples, progress=lambda *of: reports.append(of)
    )
    done = [count for count, _ in reports]
    assert done == sorted(set(done))
    assert done[-1] == pairs
    assert {total for _, total in reports} == {pairs}
