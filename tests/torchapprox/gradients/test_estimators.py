"""Gradient tables are what their definitions say, for every pair of codes."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multipliers import Multiplier, Port, exact_products
from tests.torchapprox.builders import random_multiplier
from torchapprox.gradients import (
    ApproximateBackward,
    GradientTables,
    Regression,
    StraightThrough,
    WindowDifference,
    estimator_from_state,
    estimator_state,
)

PORTS = [(True, True), (True, False), (False, True), (False, False)]


def exact_multiplier(x_signed, w_signed, width=8):
    table = exact_products(x_signed, w_signed, x_width=width, w_width=width)
    return Multiplier.from_lut(
        table, x_signed=x_signed, w_signed=w_signed, x_width=width, w_width=width
    )


def value(code, port):
    return code - 256 if port.signed and code > 127 else code


def window_slope(product, q, low, high, h):
    """The definition with sums over Python integers; product: operand value -> product."""

    def window(centre):
        return range(max(low, centre - h), min(high, centre + h) + 1)

    above, below = window(min(high, q + 1)), window(max(low, q - 1))
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    rise = mean([product(v) for v in above]) - mean([product(v) for v in below])
    return rise / (mean(above) - mean(below))


def line_slope(product, low, high):
    values = range(low, high + 1)
    n, sum_q, sum_p = len(values), sum(values), sum(product(v) for v in values)
    sum_qq, sum_qp = sum(v * v for v in values), sum(v * product(v) for v in values)
    return (n * sum_qp - sum_q * sum_p) / (n * sum_qq - sum_q**2)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(PORTS), st.integers(0, 30), st.integers(0, 20), st.integers(0, 10**6),
    st.integers(0, 255), st.integers(0, 255),
)  # fmt: skip
def test_any_entry(signed, half_window, cut, seed, x_code, w_code):
    multiplier = random_multiplier(seed, x_signed=signed[0], w_signed=signed[1])
    x_port, w_port = multiplier.x_port, multiplier.w_port
    x_range = x_port.low + cut, x_port.high - 2 * cut
    w_range = w_port.low + 2 * cut, w_port.high - cut
    x, w = value(x_code, x_port), value(w_code, w_port)
    lut = multiplier.lut.tolist()
    x_inside, w_inside = x_range[0] <= x <= x_range[1], w_range[0] <= w <= w_range[1]
    by_x = lambda v: lut[v % 256][w_code]  # noqa: E731
    by_w = lambda v: lut[x_code][v % 256]  # noqa: E731
    window = WindowDifference(half_window).tables(multiplier, x_range=x_range, w_range=w_range)
    inside = x_inside and w_inside
    for got, wanted in (
        (window.by_x, window_slope(by_x, x, *x_range, half_window) if inside else w),
        (window.by_w, window_slope(by_w, w, *w_range, half_window) if inside else x),
    ):
        assert got[x_code, w_code] == pytest.approx(wanted, abs=1e-6)
    line = Regression().tables(multiplier, x_range=x_range, w_range=w_range)
    assert line.by_x[x_code, w_code] == pytest.approx(line_slope(by_x, *x_range) if w_inside else w)
    assert line.by_w[x_code, w_code] == pytest.approx(line_slope(by_w, *w_range) if x_inside else x)


@pytest.mark.parametrize("estimator", [WindowDifference(0), WindowDifference(9), Regression()])
@pytest.mark.parametrize("signed", PORTS)
def test_exact_products_have_exact_gradients(signed, estimator):
    multiplier = exact_multiplier(*signed)
    tables = estimator.tables(multiplier)
    x, w = multiplier.x_port.values, multiplier.w_port.values
    np.testing.assert_allclose(tables.by_x, np.tile(w, (256, 1)), atol=1e-9)
    np.testing.assert_allclose(tables.by_w, np.tile(x[:, None], (1, 256)), atol=1e-9)


def test_linear_in_the_table():
    tables = [random_multiplier(seed, limit=2**12) for seed in (1, 2)]
    both = Multiplier.from_lut(tables[0].lut + 3 * tables[1].lut)
    for estimator in (WindowDifference(3), Regression()):
        one, other, total = (estimator.tables(table) for table in (*tables, both))
        np.testing.assert_allclose(total.by_x, one.by_x + 3 * other.by_x, atol=1e-6)


def test_narrow_ports():
    multiplier = exact_multiplier(True, False, width=4)
    tables = WindowDifference(2).tables(multiplier)
    assert tables.by_x[3, 15] == pytest.approx(15)
    assert multiplier.x_port == Port(4, signed=True)
    with pytest.raises(
        ValueError, match="must be less than 15 for an operand of 16 values, got 15"
    ):
        WindowDifference(15).tables(multiplier)
    with pytest.raises(ValueError, match=r"'x_range' must be two ascending values within -8\.\.7"):
        Regression().tables(multiplier, x_range=(-9, 3))


def test_bad_tables():
    good = np.zeros((256, 256))
    with pytest.raises(TypeError, match="'by_x' must hold real numbers, got complex128"):
        GradientTables(by_x=good.astype(complex), by_w=good)
    with pytest.raises(ValueError, match=r"'by_w' must be \(256, 256\), got \(256, 255\)"):
        GradientTables(by_x=good, by_w=good[:, 1:])
    with pytest.raises(ValueError, match="'by_w' must be finite, got 65536 other entries"):
        GradientTables(by_x=good, by_w=good + np.nan)
    with pytest.raises(ValueError, match="'half_window' must be at least 0, got -1"):
        WindowDifference(-1)


@pytest.mark.parametrize(
    "estimator",
    [StraightThrough(), ApproximateBackward(), Regression(), WindowDifference(3),
     GradientTables(by_x=np.eye(256), by_w=2 * np.eye(256))],
    ids=lambda estimator: type(estimator).__name__,
)  # fmt: skip
def test_states_pass_through_a_file_that_runs_no_code(estimator):
    file = io.BytesIO()
    torch.save(estimator_state(estimator), file)
    file.seek(0)
    assert estimator_from_state(torch.load(file, weights_only=True)) == estimator


def test_an_estimator_of_ones_own_class_is_not_saved():
    class Own:
        def tables(self, multiplier, *, x_range=None, w_range=None):
            raise NotImplementedError

    with pytest.raises(NotImplementedError, match="cannot hold an estimator of type Own"):
        estimator_state(Own())
