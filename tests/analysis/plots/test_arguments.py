"""What is of another kind than plots take is refused by its name."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import analysis
from tests.analysis.small_arguments import LAYERS, MULTIPLIER, POINTS


@pytest.mark.parametrize(
    "plot", [analysis.column_plots, analysis.plot_error_map, analysis.plot_error_histogram,
             analysis.plot_relative_error_map], ids=lambda plot: plot.__name__,
)  # fmt: skip
@pytest.mark.bad_input("no-multiplier")
def test_what_plots_cannot_draw(plot):
    with pytest.raises(TypeError, match="'multiplier' must be a Multiplier, got 'drum4'"):
        plot("drum4")


@pytest.mark.bad_input("bad-settings")
def test_what_is_no_trace():
    with pytest.raises(TypeError, match="'trace' must be a LayerTrace, got '0"):
        analysis.plot_operands("0.wrapped")


@pytest.mark.bad_input("no-results")
def test_what_are_no_results():
    with pytest.raises(TypeError, match="'layers' must be a LayerComparison"):
        analysis.plot_predictions([None])
    with pytest.raises(TypeError, match="'joint_counts' must be an ndarray or None, got dict"):
        analysis.plot_error_histogram(MULTIPLIER, joint_counts={})


OF_AXES = {
    "error map": lambda ax: analysis.plot_error_map(MULTIPLIER, ax),
    "relative error map": lambda ax: analysis.plot_relative_error_map(MULTIPLIER, ax),
    "histogram": lambda ax: analysis.plot_error_histogram(MULTIPLIER, ax),
    "probability": lambda ax: analysis.plot_error_probability(MULTIPLIER, ax),
    "profile": lambda ax: analysis.plot_error_profile(MULTIPLIER, "x", ax),
    "pareto": lambda ax: analysis.plot_pareto(
        pd.DataFrame({"name": ["a"], "mae": [1.0], "area": [2.0]}), ax, cost="area"
    ),
    "front": lambda ax: analysis.plot_energy_front(POINTS, ax),
}


@pytest.mark.parametrize("value", ["axes", Figure(), 3, np.array([None])], ids=type)
@pytest.mark.parametrize("name", OF_AXES)
@pytest.mark.bad_input("no-results")
def test_what_are_no_axes(name, value):
    with pytest.raises(TypeError, match=r"'ax' must be an Axes or None, got .*; a figure's add"):
        OF_AXES[name](value)


@pytest.mark.bad_input("no-results")
def test_what_is_no_pair_of_axes(given):
    for axes in ("axes", Figure(), Figure().add_subplot(), Figure().subplots(1, 3)):
        for call in (
            lambda axes=axes: analysis.plot_operands(given.trace["0.wrapped"], axes),
            lambda axes=axes: analysis.plot_assignment(LAYERS, axes),
            lambda axes=axes: analysis.plot_predictions([], axes),
        ):
            with pytest.raises(TypeError, match="'axes' must be a pair of Axes or None, got "):
                call()
    pair = Figure().subplots(1, 2)
    assert analysis.plot_operands(given.trace["0.wrapped"], pair) == tuple(pair)
