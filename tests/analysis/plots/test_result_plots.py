import numpy as np
import pytest

from analysis import plot_error_histogram, plot_error_map, plot_operands, plot_predictions
from analysis.plots.style import (
    DARK,
    LIGHT,
    figure_of,
    new_figure,
    render_both,
    render_pdf,
    render_png,
)
from multipliers import Multiplier, code_values, exact_products


@pytest.fixture
def one_error():
    """A multiplier that errs for -3 x 5 alone, by +40."""
    table = exact_products(True, True).copy()
    table[256 - 3, 5] += 40
    return Multiplier.from_lut(table, name="one_error")


def test_the_error_map_has_ascending_values_activations_upwards(one_error):
    ax = plot_error_map(one_error)
    image = ax.images[0]
    low, high = image.get_clim()
    assert (low, high) == (-40, 40)
    assert tuple(image.get_extent()) == (-128.5, 127.5, -128.5, 127.5)
    assert image.origin == "lower"
    row, column = np.argwhere(image.get_array() == 40)[0]
    assert (row - 128, column - 128) == (-3, 5)


def test_the_error_map_names_operands_and_sign_of_the_error(random_multiplier):
    ax = plot_error_map(random_multiplier(x_signed=False))
    assert ax.get_ylabel() == "activation (unsigned 8-bit)"
    assert ax.get_xlabel() == "weight (signed 8-bit)"
    assert tuple(ax.images[0].get_extent()) == (-128.5, 127.5, -0.5, 255.5)
    labels = [other.get_ylabel() for other in figure_of(ax).axes]
    assert "error of the product (approximate \N{MINUS SIGN} exact)" in labels


def test_the_histogram_counts_every_pair_once(random_multiplier):
    ax = plot_error_histogram(random_multiplier())
    heights = ax.patches[0].get_data().values
    assert heights.sum() == pytest.approx(1)
    assert 40 <= len(heights) <= 80


def test_small_shares_of_the_histogram_are_written_out(one_error):
    written = plot_error_histogram(one_error).yaxis.get_major_formatter()
    assert [written(share) for share in (1.0, 0.002, 1e-7)] == ["100%", "0.2%", "0.00001%"]


def test_the_histogram_weighs_by_the_network(one_error):
    counts = np.zeros((256, 256), dtype=np.int64)
    counts[256 - 3, 5], counts[0, 0] = 3, 1
    ax = plot_error_histogram(one_error, joint_counts=counts)
    heights = ax.patches[1].get_data().values
    assert heights[0] == pytest.approx(0.25)
    assert heights[-1] == pytest.approx(0.75)


def test_operand_histograms_are_over_values(make_trace):
    x_codes = np.full((1, 2, 1), 256 - 7, dtype=np.uint8)
    w_codes = np.array([[[1], [2]]], dtype=np.uint8)
    left, right = plot_operands(make_trace(x_codes, w_codes))
    assert left.get_title() == "activations: \N{MINUS SIGN}7 to \N{MINUS SIGN}7"
    assert right.get_title() == "weights: 1 to 2"
    assert left.get_xlabel() == "activation value (signed 8-bit code)"
    heights = right.patches[0].get_data().values
    assert heights[np.sort(code_values(True)) == 2] == pytest.approx(0.5)


def test_predictions_are_drawn_relative_to_the_output(results):
    mean, std = plot_predictions(results.explanation.layers)
    assert [label.get_text() for label in mean.get_yticklabels()] == list(
        results.explanation.traces
    )
    assert mean.get_xlabel() == std.get_xlabel() == "error / standard deviation of the output"
    measured, predicted = std.lines[:2]
    layer = results.explanation.layers[0]
    assert measured.get_xdata()[0] == layer.measured.error.real_std_per_output / layer.output_std
    assert predicted.get_xdata()[0] == layer.predicted.real_std_per_output / layer.output_std


def test_plots_draw_into_the_axes_that_they_are_given(one_error):
    axes = new_figure(4, 3).add_subplot()
    assert plot_error_map(one_error, axes) is axes
    assert plot_error_histogram(one_error, axes) is axes


def test_pictures_repeat_and_themes_differ_and_pyplot_knows_nothing(one_error):
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    settings = dict(mpl.rcParams)
    light, again, dark = (
        render_png(lambda: plot_error_map(one_error), theme=theme) for theme in (LIGHT, LIGHT, DARK)
    )
    assert light == again != dark
    assert render_both(lambda: plot_error_map(one_error)) == (
        light,
        render_pdf(lambda: plot_error_map(one_error)),
    )
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == settings
