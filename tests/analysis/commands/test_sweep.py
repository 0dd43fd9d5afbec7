"""`torchapprox sweep`: a table of a model on many assignments, resumed and on several processes."""

import pandas as pd
import pytest

from analysis import Assignment
from analysis.cli import main
from multipliers import Multiplier, get, save

MODEL = """
import torch

def tiny():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    inputs = [torch.randn(40, 6) for _ in range(2)]
    return model, inputs, [(x, model(x).argmax(dim=1)) for x in inputs]
"""


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MODEL)
    folder = tmp_path / "out"
    return ["sweep", "mul8s_tm_k4", "--model", f"{file}:tiny", "--output", str(folder), "--quiet"]


def test_the_table_has_every_assignment_and_a_second_run_resumes(words, tmp_path, capsys):
    assert main([*words, "--uniform"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "2 assignments, 0 results stored"
    assert main([*words, "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 assignments, 2 results stored"
    table = tmp_path / "out" / "sweep.csv"
    assert lines[-1] == f"table: {table}"
    frame = pd.read_csv(table, index_col="label")
    assert list(frame.index) == ["exact", "mul8s_tm_k4", "0: mul8s_tm_k4", "2: mul8s_tm_k4"]
    assert frame["accuracy"]["exact"] > 0.9
    assert frame["loss"].nunique() == 4
    energies = frame["relative_energy"]
    assert energies["exact"] == 1
    assert energies["0: mul8s_tm_k4"] + energies["2: mul8s_tm_k4"] == pytest.approx(
        1 + energies["mul8s_tm_k4"]
    )


def test_a_given_assignment_is_evaluated_and_energies_may_be_stated(words, tmp_path, capsys):
    given, energies, table = (tmp_path / name for name in ("a.json", "e.csv", "own.npz"))
    Assignment({"0": get("mul8s_tm_k4"), "2": get("mul8s_drum4")}).save(given)
    energies.write_text("multiplier,relative_energy\nmul8s_drum4,0.5\nmul8s_tm_k4,0.2\n")
    more = ["--assignment", str(given), "--uniform", "mul8s_drum4"]
    assert main([words[0], *more, *words[1:], "--energies", str(energies)]) == 0
    frame = pd.read_csv(tmp_path / "out" / "sweep.csv", index_col="label")
    shares = 6 * 8, 8 * 3
    expected = (0.2 * shares[0] + 0.5 * shares[1]) / sum(shares)
    assert frame["relative_energy"][str(given)] == pytest.approx(expected)
    capsys.readouterr()
    # Energies that nobody knows are left open, and layers must all be named.
    exact = get("mul8s_array")
    save(Multiplier("own", exact.lut, exact.x_port, exact.w_port, "a table"), table)
    assert main([words[0], str(table), *words[1:], "--uniform"]) == 0
    frame = pd.read_csv(tmp_path / "out" / "sweep.csv", index_col="label")
    assert frame["relative_energy"].isna().to_dict() == {
        "exact": False, "mul8s_tm_k4": False, "own": True,
    }  # fmt: skip
    Assignment({"0": get("mul8s_tm_k4")}).save(given)
    assert main([*words, "--assignment", str(given)]) == 1
    assert "a.json must name every layer, lacks 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["mul8s_tm_k4"], "must have different names"),
        (["mul8u_tm_k4"], "mul8u_tm_k4: unsigned 8-bit (0..255) x unsigned"),
        (["--workers", "2", "--dask", "tcp://localhost:1"], "exclude each other"),
    ],
)
def test_wrong_words_are_told_in_one_line(words, more, message, capsys):
    assert main([words[0], *more, *words[1:]]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
