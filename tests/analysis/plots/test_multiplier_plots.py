"""Plots of one multiplier and of several: what they draw, and that everything fits the column."""

import numpy as np
import pandas as pd
import pytest

from analysis.characterisation.multiplier_frame import comparison_frame
from analysis.plots.multiplier_plots import (
    column_plots,
    plot_error_probability,
    plot_error_profile,
    plot_relative_error_map,
)
from analysis.plots.pareto_plot import plot_pareto
from analysis.plots.style import PAPER, figure_of, new_figure, render_png
from multipliers import Multiplier, error_distribution, error_profile, exact_products, get

import matplotlib as mpl  # isort: skip


def one_error():
    """A multiplier that errs for -3 x 5 alone, by +40, and for 0 x 9, by -7."""
    table = exact_products(True, True).copy()
    table[256 - 3, 5] += 40
    table[0, 9] -= 7
    return Multiplier.from_lut(table, name="one_error")


def test_relative_error_map():
    ax = plot_relative_error_map(one_error(), limit=4)
    picture = ax.images[0].get_array()
    (row, column), *others = np.argwhere(np.ma.filled(picture, 0) != 0)
    assert not others
    assert (row - 128, column - 128) == (-3, 5)
    assert picture[row, column] == pytest.approx(40 / 15)
    assert ax.images[0].get_clim() == (-4, 4)
    # 0 x 9 has no relative error: it is left out, and shows the grey behind the picture.
    assert np.argwhere(np.ma.getmaskarray(picture)).tolist() == [[128, 128 + 9]]
    with pytest.raises(ValueError, match="'limit' must be finite and above 0, got 0"):
        plot_relative_error_map(one_error(), limit=0)


def test_error_probability():
    ax = plot_error_probability(one_error())
    assert ax.get_title() == "one_error, no error: 100.00%"
    (points,) = ax.lines
    assert points.get_xdata().tolist() == [-7, 40]
    assert points.get_ydata().tolist() == [1 / 65536] * 2
    counts = np.zeros((256, 256), dtype=int)
    counts[256 - 3, 5], counts[1, 1] = 1, 3
    weighted = plot_error_probability(one_error(), weights=counts)
    assert weighted.get_title() == "one_error, no error: 75.00%"
    assert weighted.lines[0].get_ydata().tolist() == [0.25]


def test_error_probability_of_an_exact_multiplier():
    ax = plot_error_probability(get("mul8s_array"))
    assert ax.get_title() == "mul8s_array, no error: 100.00%"
    assert len(ax.lines[0].get_xdata()) == 0
    assert render_png(lambda: ax)[1:4] == b"PNG"


def test_every_error_of_the_distribution_is_drawn():
    multiplier = get("mul8u_bam_h0_v8")
    found = error_distribution(multiplier)
    wrong = found.errors != 0
    points = plot_error_probability(multiplier).lines[0]
    assert np.array_equal(points.get_xdata(), found.errors[wrong])
    assert np.array_equal(points.get_ydata(), found.probability[wrong])


@pytest.mark.parametrize(("operand", "label"), [("x", "activation value"), ("w", "weight value")])
def test_error_profile(operand, label, random_multiplier):
    multiplier = random_multiplier(x_signed=False)
    ax = plot_error_profile(multiplier, operand)
    profile = error_profile(multiplier, operand)
    assert ax.get_xlabel() == label
    lines = {line.get_label(): line for line in ax.get_lines()}
    drawn = {"worst": profile.wce, "mean absolute": profile.mae, "mean": profile.error_mean}
    for name, values in drawn.items():
        assert np.array_equal(lines[name].get_xdata(), profile.values)
        assert np.array_equal(lines[name].get_ydata(), values)
    assert len({lines[name].get_color() for name in drawn}) == 3
    with pytest.raises(ValueError, match="'operand' must be 'x' or 'w', got 'activation'"):
        plot_error_profile(multiplier, "activation")


FRAME = pd.DataFrame(
    {
        "name": ["a", "b", "c", "d", "e"],
        "mae": [0.0, -3.0, 50.0, 60.0, 0.0],
        "area": [9.0, 4.0, 2.0, 8.0, 9.0],
    }
)


def test_pareto_plot():
    ax = plot_pareto(FRAME, cost="area")
    dominated, front = ax.lines
    assert dominated.get_xydata().tolist() == [[8, 60]]
    assert front.get_xydata().tolist() == [[2, 50], [4, 3], [9, 0], [9, 0]]
    assert [text.get_text() for text in ax.texts] == ["c", "b", "a +1"]
    assert ax.get_ylabel() == "mean absolute error"
    assert ax.get_ylim()[0] == 0


def test_pareto_plot_of_many_names_none_and_of_exact_ones_alone_draws():
    many = pd.DataFrame({"name": range(20), "mae": range(20, 0, -1), "area": range(20)})
    assert len(plot_pareto(many, cost="area").texts) == 0
    exact = plot_pareto(FRAME.iloc[[0, 4]], cost="area")
    assert [text.get_text() for text in exact.texts] == ["a +1"]


def test_pareto_plot_names_the_unit():
    frame = comparison_frame([get("drum4")])
    with pytest.raises(LookupError, match="no column 'power'"):
        plot_pareto(frame, cost="power")
    frame = FRAME.assign(power=FRAME["area"], power_unit="mW (published)")
    assert plot_pareto(frame, cost="power").get_xlabel() == "power, mW (published)"
    with pytest.raises(ValueError, match="must have rows with both 'mae' and 'area', got none"):
        plot_pareto(FRAME.assign(area=np.nan), cost="area")


def test_axes_that_are_given():
    ax = new_figure(4, 3).add_subplot()
    for plot in (plot_relative_error_map, plot_error_probability):
        assert plot(one_error(), ax) is ax
    assert plot_error_profile(one_error(), "x", ax) is ax
    assert plot_pareto(FRAME, ax, cost="area") is ax


def texts_outside(ax):
    """Return labels that reach beyond the figure, after its layout."""
    figure = figure_of(ax)
    figure.draw_without_rendering()
    box = figure.bbox.padded(0.5)
    labels = [
        text
        for axes in figure.axes
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
        if text.get_text()
    ]
    assert len(labels) >= 2
    extents = [(label.get_text(), label.get_window_extent()) for label in labels]
    return [
        text
        for text, extent in extents
        if not (box.containsx(extent.x0) and box.containsx(extent.x1)
                and box.containsy(extent.y0) and box.containsy(extent.y1))
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["mul8s_bam_h0_v8", "mul8u_drum4", "mul4u_mitchell"])
@pytest.mark.parametrize("plot", sorted(column_plots(get("drum4"))))
def test_column_plots_fit_the_column(name, plot):
    with mpl.rc_context(dict(PAPER.settings)):
        ax = column_plots(get(name))[plot]()
        assert figure_of(ax).get_figwidth() * 25.4 == pytest.approx(85)
        assert texts_outside(ax) == []


def test_pareto_plot_fits_the_column():
    names = ["mul8u_tm_k1", "mul8u_tm_k3", "mul8u_bam_h0_v4", "mul8u_bam_h0_v6", "mul8u_array"]
    from multipliers import get_netlist

    frame = comparison_frame(map(get_netlist, names))
    with mpl.rc_context(dict(PAPER.settings)):
        assert texts_outside(plot_pareto(frame)) == []
