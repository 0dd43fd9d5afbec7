"""`torchapprox sweep`: a table of a model on many assignments, resumed and on several processes."""

import pandas as pd
import pytest

from analysis.cli import main

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


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["mul8s_tm_k4"], "must have different names"),
        (["mul8u_tm_k4"], "must have the same ports"),
        (["--workers", "2", "--dask", "tcp://localhost:1"], "exclude each other"),
    ],
)
def test_wrong_words_are_told_in_one_line(words, more, message, capsys):
    assert main([words[0], *more, *words[1:]]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
