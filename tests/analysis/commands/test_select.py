"""`torchapprox select`: an assignment within a bound, resumed, from a user's model."""

import json
import sys

import pandas as pd
import pytest

import analysis.selection.study.points as study_points
from analysis import Assignment
from analysis.cli import main
from analysis.selection.study import stored_predictions
from multipliers import get, save

PREDICTIONS = "analysis.selection.study.stored_predictions"

MODEL = """
import torch

def tiny():
    model = torch.nn.Sequential()
    model.add_module("first", torch.nn.Linear(6, 16))
    model.add_module("relu", torch.nn.ReLU())
    model.add_module("end", torch.nn.Linear(16, 3))
    inputs = [torch.randn(200, 6) for _ in range(3)]
    batches = [(x, model(x).argmax(dim=1)) for x in inputs]
    return model, inputs[:1], batches[1:2], batches[2:]
"""
NAMES = ["mul8s_array", "mul8s_tm_k2", "mul8s_tm_k3", "mul8s_tm_k4"]


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MODEL)
    folder = tmp_path / "out"
    return [
        "select", *NAMES, "--model", f"{file}:tiny", "--points", "3", "--output", str(folder),
        "--quiet",
    ]  # fmt: skip


def figures(capsys):
    """Return the printed lines, and the figures of those that have one by their first word."""
    lines = capsys.readouterr().out.splitlines()
    return lines, {line.split()[0]: line.split()[1] for line in lines if len(line.split()) > 1}


def test_the_choice_keeps_the_bound_and_a_second_run_evaluates_nothing(
    words, quick_pictures, tmp_path, monkeypatch, capsys
):
    assert main(words) == 0
    lines, found = figures(capsys)
    assert lines[0] == "4 multipliers, 0 results stored"
    folder = tmp_path / "out"
    assert lines[-1] == f"report: {folder / 'report.html'}"
    points = pd.read_csv(folder / "points.csv")
    chosen = points[points["chosen"]].iloc[0]
    exact = points[points["exact"]].iloc[0]
    assert exact["relative_energy"] == 1
    assert exact["validation_accuracy"] - chosen["validation_accuracy"] <= 0.03 + 1e-9
    assert exact["validation_certainty"] - chosen["validation_certainty"] <= 0.03 + 1e-9
    assert chosen["relative_energy"] == points.loc[points["accepted"], "relative_energy"].min() < 1
    assert 0 < chosen["test_accuracy"] <= 1
    assert found["energy"] == f"{chosen['relative_energy']:.4f}"
    assignment = Assignment.load(folder / "assignment.json")
    layers = pd.read_csv(folder / "layers.csv", dtype={"layer": str})
    sensitivities = pd.read_csv(folder / "sensitivities.csv", dtype={"layer": str})
    assert list(sensitivities["layer"]) == list(layers["layer"]) == ["first", "end"]
    assert list(layers["multiplier"]) == [assignment[name].name for name in layers["layer"]]
    weighted = (layers["mac_share"] * layers["relative_energy"]).sum()
    assert weighted == pytest.approx(chosen["relative_energy"])
    for step in ("relative_error_variances", "measure_sensitivities"):
        monkeypatch.setattr(f"{PREDICTIONS}.{step}", None)
    assert main(words) == 0
    again, _ = figures(capsys)
    stored = int(again[0].split()[2])
    assert stored >= len(points)
    assert again[1:] == lines[1:]
    assert len((folder / "results.jsonl").read_text().splitlines()) == 1 + stored


def test_an_interrupted_choice_goes_on_where_it_was(
    words, quick_pictures, monkeypatch, tmp_path, capsys
):
    whole = [*words, "--method", "milp", "--method", "matching"]
    assert main(whole) == 0
    expected = (tmp_path / "out" / "assignment.json").read_bytes()
    capsys.readouterr()
    whole[whole.index("--output") + 1] = str(tmp_path / "again")
    predict, calls = stored_predictions.relative_error_variances, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(*arguments)

    monkeypatch.setattr(f"{PREDICTIONS}.relative_error_variances", interrupted)
    assert main(whole) == 130
    told = capsys.readouterr()
    assert told.out.splitlines() == ["4 multipliers, 0 results stored"]
    assert told.err == "torchapprox: interrupted; the same command goes on with what is stored\n"
    assert main(whole) == 0
    assert capsys.readouterr().out.startswith("4 multipliers, 2 results stored\n")
    assert len(calls) == 3 + 2
    assert (tmp_path / "again" / "assignment.json").read_bytes() == expected


def test_an_energy_is_kept_and_few_multipliers_are_few(words, quick_pictures, tmp_path, capsys):
    words[words.index("--points") : words.index("--points") + 2] = ["--energy", "0.4"]
    more = ["--distinct", "1", "--fold", "both", "--method", "greedy", "--method", "matching"]
    assert main([*words, *more, "--on-operands"]) == 0
    _, found = figures(capsys)
    assert float(found["energy"]) <= 0.4
    assignment = Assignment.load(tmp_path / "out" / "assignment.json")
    assert len(assignment.distinct) == 1
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    assert set(points["folded"]) == {True, False}
    kept = points[points["accepted"] & (points["distinct"] == 1)]
    assert (kept["relative_energy"] <= 0.4).all()
    assert points[points["chosen"]].iloc[0]["validation_accuracy"] == (
        kept["validation_accuracy"].max()
    )


def test_a_given_assignment_is_evaluated_and_stated_energies_count(
    words, quick_pictures, tmp_path, capsys
):
    given = tmp_path / "mine.json"
    energies = tmp_path / "energies.csv"
    energies.write_text("multiplier,relative_energy\nmul8s_tm_k2,0.01\n")
    assert main([*words, "--energies", str(energies), "--measure", "--no-refine"]) == 0
    assert capsys.readouterr().out
    first = Assignment.load(tmp_path / "out" / "assignment.json")
    # So cheap that nothing coarser is worth it.
    assert "mul8s_tm_k2" in first.names.values()
    assert not {"mul8s_tm_k3", "mul8s_tm_k4"} & set(first.names.values())
    first.save(given)
    assert main([*words, "--assignment", str(given)]) == 0
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    assert (points["method"] == str(given)).sum() == 1


def test_evaluations_of_refining_are_bounded(words, quick_pictures, tmp_path, monkeypatch, capsys):
    given = []
    monkeypatch.setattr(
        study_points, "refine", lambda *_, evaluations, **__: given.append(evaluations) or _[1]
    )
    assert main([*words, "--refine-evaluations", "7"]) == 0
    assert main(words) == 0
    assert given == [7, 200]


def test_a_search_is_a_method_and_is_taken_up_again(words, quick_pictures, tmp_path, capsys):
    more = ["--method", "nsga2", "--method", "tpe", "--fold", "both", "--trials", "30"]
    assert main([*words, *more]) == 0
    lines, _ = figures(capsys)
    folder = tmp_path / "out"
    points = pd.read_csv(folder / "points.csv")
    both = points.groupby(["method", "folded"]).size()
    # There are 16 assignments, and a trial that came twice is one point.
    assert both.loc[["nsga2", "tpe"]].between(9, 16).all()
    assert set(points["method"]) == {"uniform", "nsga2", "nsga2, refined", "tpe", "tpe, refined"}
    chosen = points[points["chosen"]].iloc[0]
    assert chosen["relative_energy"] == points.loc[points["accepted"], "relative_energy"].min() < 1
    searched = points[points["method"].isin(["nsga2", "tpe"])]
    assert searched["on_front"].any()
    assert searched.loc[searched["on_front"], "test_accuracy"].notna().all()
    assert (folder / "trials.journal").stat().st_size > 0
    assert "chosen by search" in (folder / "report.html").read_text()
    # The same command evaluates nothing, and more trials go on from those that are there.
    assert main([*words, *more]) == 0
    again, _ = figures(capsys)
    assert again[1:] == lines[1:]
    stored = int(again[0].split()[2])
    more[-1] = "40"
    assert main([*words, *more]) == 0
    longer, _ = figures(capsys)
    assert int(longer[0].split()[2]) == stored
    further = pd.read_csv(folder / "points.csv")
    known = set(searched["label"])
    assert known <= set(further["label"])
    assert len(json.loads((folder / "report.json").read_text())["points"]) == len(further)


def test_a_search_beside_a_prediction_adds_what_that_did_not_choose(
    words, quick_pictures, tmp_path
):
    assert main([*words, "--method", "milp", "--method", "nsga2", "--trials", "20"]) == 0
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    rows = points[points["method"].isin(["milp", "nsga2"])]
    assert set(rows["method"]) == {"milp", "nsga2"}
    # Different assignments of these multipliers differ in energy or loss.
    assert not rows.duplicated(["relative_energy", "validation_loss"]).any()
    assert "sensitive to and by search" in (tmp_path / "out" / "report.html").read_text()


def test_a_search_keeps_few_multipliers_few(words, quick_pictures, tmp_path, capsys):
    storage = tmp_path / "elsewhere.db"
    more = ["--method", "nsga2", "--distinct", "1", "--trials", "6", "--storage", str(storage)]
    assert main([*words, *more, "--search-seed", "5"]) == 0
    points = pd.read_csv(tmp_path / "out" / "points.csv")
    assert (points.loc[points["method"] == "nsga2", "distinct"] == 1).all()
    assert storage.exists()
    assert not (tmp_path / "out" / "trials.journal").exists()
    capsys.readouterr()
    # Trials of other multipliers are another search.
    assert main([word for word in words if word != "mul8s_tm_k3"] + more) == 1
    assert "elsewhere.db has trials of another model, other data, multipliers" in (
        capsys.readouterr().err
    )


def test_a_search_without_optuna_names_the_extra_before_anything_is_done(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main([*words, "--method", "milp", "--method", "tpe"]) == 1
    error = capsys.readouterr().err
    assert "needs Optuna: pip install 'torchapprox[search]'" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


LOADER = """

def model():
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))

def loaders():
    torch.manual_seed(0)
    teacher, inputs = model(), [torch.randn(200, 6) for _ in range(2)]
    return [[(x, teacher(x).argmax(dim=1))] for x in inputs]
"""


def test_a_model_and_its_loader_are_functions_of_their_own(
    words, quick_pictures, tmp_path, monkeypatch, capsys
):
    (tmp_path / "selected_network.py").write_text(MODEL + LOADER)
    monkeypatch.chdir(tmp_path)
    words[words.index("--model") + 1] = "selected_network:model"
    words[words.index("--points") + 1] = "100"
    more = ["--loader", "selected_network:loaders"]
    assert main([*words, *more, "--workers", "1"]) == 0
    lines, _ = figures(capsys)
    index = json.loads((tmp_path / "out" / "model" / "workload.json").read_text())
    assert (index["source"], index["loader"]) == ("selected_network:model", more[1])
    assert main([*words, *more]) == 0
    again, _ = figures(capsys)
    assert again[1:] == lines[1:]
    assert main([*words]) == 1
    assert "was begun with loader selected_network:loaders, got None" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["mul8s_tm_k4"], "must have different names"),
        (["mul8u_tm_k4"], "mul8u_tm_k4: unsigned 8-bit (0..255) x unsigned"),
        (["--energies", "absent.csv"], "absent.csv: No such file"),
        (["--assignment", "absent.json"], "absent.json: No such file"),
        (["--workers", "2", "--dask", "tcp://localhost:1"], "exclude each other"),
    ],
)
def test_wrong_words_are_told_in_one_line(words, more, message, capsys):
    assert main([words[0], *more, *words[1:]]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_table_without_gates_needs_an_energy(words, tmp_path, capsys):
    table = tmp_path / "mine.npz"
    save(get("mul8s_drum4"), table)
    assert main([words[0], str(table), *words[len(NAMES) + 1 :]]) == 1
    error = capsys.readouterr().err
    assert "the energy of mul8s_drum4 is not known" in error
    assert "(--energies on the command line)" in error


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--points", "101"], "must be a number from 0 to 100, got '101'"),
        (["--energy", "much"], "must be a number from 0 to 1, got 'much'"),
        (["--points", "1", "--energy", "0.3"], "not allowed with argument"),
        (["--method", "guess"], "invalid choice: 'guess'"),
    ],
)
def test_wrong_use_leaves_with_code_2(more, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["select", *more])
    assert message in capsys.readouterr().err


def test_the_report_holds_every_table_as_json(words, quick_pictures, tmp_path):
    assert main([*words, "--no-refine"]) == 0
    records = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(records) == {"points", "layers", "sensitivities", "provenance"}
    items = {row["item"]: row["value"] for row in records["provenance"]}
    assert items["command line"].startswith("torchapprox select mul8s_array")
    assert len(items["model, SHA-256"]) == 64
