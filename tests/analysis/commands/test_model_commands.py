"""The commands that run a user's model: trace, compare, report."""

import json

import pandas as pd
import pytest

from analysis.cli import main
from torchapprox import Trace

MODEL = """
import torch

def tiny():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    inputs = [torch.rand(40, 6) for _ in range(2)]
    return model, inputs, [(x, torch.randint(0, 3, (40,))) for x in inputs]
"""


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MODEL)
    return f"{file}:tiny"


def test_a_trace_serves_a_comparison(model, tmp_path, capsys):
    trace, table, records, plot = (tmp_path / f"a.{kind}" for kind in ("npz", "csv", "json", "pdf"))
    assert main(["trace", "--model", model, "-o", str(trace)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == [
        "layer", "products", "fan_in", "channels", "sampled_rows", "output_std"
    ]  # fmt: skip
    assert printed[1].split()[:4] == ["0.wrapped", str(80 * 6 * 8), "6", "8"]
    assert list(Trace.load(trace)) == ["0.wrapped", "2.wrapped"]
    files = ["--csv", str(table), "--json", str(records), "--plot", str(plot)]
    words = ["compare", "mul8s_tm_k3", "mul8s_drum3", "--model", model, "--trace", str(trace)]
    assert main([*words, *files]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "2 layers, 2 multipliers"
    assert printed[1].startswith("predicted over measured standard deviation of each layer's error")
    frame = pd.read_csv(table)
    assert set(frame["multiplier"]) == {"mul8s_tm_k3", "mul8s_drum3"}
    # Traced and measured on the same data, whose every row is in the sample.
    assert (frame[frame["error_model"] == "rows"]["std_ratio"] - 1).abs().max() < 1e-9
    assert len(json.loads(records.read_text())) == len(frame)
    assert plot.read_bytes().startswith(b"%PDF")


def test_report_writes_the_page_and_says_how_to_repeat_it(model, quick_pictures, tmp_path, capsys):
    folder = tmp_path / "out"
    words = ["report", "mul8s_tm_k3", "--model", model, "--output", str(folder), "--quiet"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    stages = ["quantised", "approximate", "noise", "folded"]
    assert [line.split()[0] for line in lines[1:5]] == stages
    assert lines[-1] == f"report: {folder / 'report.html'}"
    provenance = pd.read_csv(folder / "provenance.csv", index_col="item")["value"]
    assert provenance["command line"] == f"torchapprox {' '.join(words)}"
    assert len(provenance["model, SHA-256"]) == 64


def test_a_report_on_batches_without_labels_has_no_accuracies(quick_pictures, tmp_path, capsys):
    file = tmp_path / "unlabelled.py"
    file.write_text(MODEL + "\ndef unlabelled():\n    return (*tiny()[:2], [torch.rand(40, 6)])\n")
    words = ["report", "mul8s_tm_k3", "--model", f"{file}:unlabelled", "--quiet"]
    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [f"report: {tmp_path / 'out' / 'report.html'}"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trace", "--model", "MLP", "-o", "a.npz"], "no network 'MLP'; there are CNN, ViT, LSTM"),
        (["trace", "--model", "CNN", "-o", "a.txt"], "suffix of the trace must be .npz"),
        (["report", "mul8s_none", "--model", "CNN"], "mul8s_none"),
        (["compare", "absent.v", "--model", "CNN"], "absent.v"),
    ],
)
def test_what_cannot_be_loaded_is_told_in_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("torchapprox: error: ")
    assert message in error
    assert error.count("\n") == 1
