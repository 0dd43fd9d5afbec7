"""The report of a choice: its files, its figures and its plots."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import Assignment, plot_assignment, plot_energy_front, write_selection_report


@pytest.fixture(scope="module")
def folder(selection_results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection")
    assert write_selection_report(selection_results, folder) == folder / "report.html"
    return folder


def test_files_are_the_assignment_the_tables_and_the_pictures(folder, selection_results):
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "report.json", "assignment.json", "points.csv", "layers.csv",
        "sensitivities.csv", "provenance.csv", "front.png", "front.pdf", "assignment.png",
        "assignment.pdf",
    }  # fmt: skip
    assert Assignment.load(folder / "assignment.json") == selection_results.assignment
    points = json.loads((folder / "report.json").read_text())["points"]
    assert [point["label"] for point in points] == list(selection_results.points["label"])
    assert None in [point["test_accuracy"] for point in points]


def test_the_page_needs_nothing_but_itself_and_tells_what_was_lost(folder):
    text = (folder / "report.html").read_text()
    assert "http" not in text
    assert text.count("data:image/png;base64") == 4
    assert "best uniform: mul8s_tm_k3, folded" in text
    # 95.8 instead of 96 per cent.
    assert ">\N{MINUS SIGN}0.20<" in text
    assert "The mean error of every channel is folded" in text


def test_equal_results_give_equal_pages(folder, selection_results, tmp_path):
    write_selection_report(selection_results, tmp_path)
    for name in ("report.html", "report.json", "front.pdf"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_front_joins_what_none_beats_and_marks_the_choice(selection_results):
    axes = plot_energy_front(selection_results.points, chosen="milp, folded")
    lines = {line.get_label(): line for line in axes.get_lines()}
    uniform = lines["one multiplier in all layers"]
    assert list(uniform.get_xdata()) == pytest.approx([0.2, 0.34, 1.0])
    assert list(uniform.get_ydata()) == pytest.approx([0.4, 0.96, 0.97])
    chosen = selection_results.points.set_index("label").loc["milp, folded"]
    assert list(lines["chosen"].get_xdata()) == [chosen["relative_energy"]]
    assert list(lines["chosen, on the test split"].get_ydata()) == [chosen["test_accuracy"]]
    low, _ = axes.get_ylim()
    assert 0.9 < low < 0.93
    with pytest.raises(LookupError, match="must hold the chosen assignment, lacks 'absent'"):
        plot_energy_front(selection_results.points, chosen="absent")
    with pytest.raises(ValueError, match="at least one assignment, got none"):
        plot_energy_front(selection_results.points.iloc[:0])


def test_bars_are_the_energy_of_exact_and_of_chosen_multipliers(selection_results):
    layers = selection_results.layers
    grid = plot_assignment(layers)
    bars = grid.figure.axes[1]
    widths = np.array([patch.get_width() for patch in bars.patches])
    assert widths[:3] == pytest.approx(layers["mac_share"])
    assert widths[3:] == pytest.approx(layers["mac_share"] * layers["relative_energy"])
    assert widths[3:].sum() == pytest.approx(
        selection_results.points.set_index("label").loc["milp, folded", "relative_energy"]
    )
    names = [text.get_text() for text in grid.get_xticklabels()]
    assert names == ["mul8s_tm_k4", "mul8s_tm_k3", "mul8s_array"]
    assert list(grid.get_lines()[0].get_xdata()) == [0, 1, 2]
    with pytest.raises(ValueError, match="at least one layer, got none"):
        plot_assignment(pd.DataFrame())
