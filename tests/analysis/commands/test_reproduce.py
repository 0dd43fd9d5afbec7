"""`torchapprox reproduce` on netlists that this program writes: interrupted and resumed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.cli import main
from analysis.reproduction import grid
from multipliers import get_netlist, to_verilog

ROOT = Path(__file__).parents[3]
METHODS = ["none", "noise", "linear", "htp-one-term", "lut"]


def tiny_images(folder):
    """Write two classes of eight images of 8 x 8 pixels, so that no time goes into training."""
    generator = np.random.default_rng(0)
    for name, brightness in (("dark", 80), ("light", 176)):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            pixels = brightness + generator.integers(-60, 60, (8, 8, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "evoapproxlib-v2022" / "multiplers" / "8x8_signed"
    folder.mkdir(parents=True)
    for name in ("mul8s_bam_h0_v8", "mul8s_tm_k4"):
        text = to_verilog(get_netlist(name))
        (folder / f"{name}.v").write_text(f"// PDK45_PWR = 0.{len(name)} mW\n{text}")
    (folder / "mul12s_wide.v").write_text("not read: twelve bits\n")
    return [
        "reproduce", "--evoapprox", str(tmp_path / "evoapproxlib-v2022"),
        "--data", str(tiny_images(tmp_path / "images")), "--seeds", "1", "--epochs", "1",
        "--float-epochs", "1", "--quiet", "--output", str(tmp_path / "out"), "--methods", *METHODS,
    ]  # fmt: skip


def test_an_interrupted_table_is_resumed_and_equals_one_that_was_not(
    words, tmp_path, capsys, monkeypatch
):
    calls = []
    evaluate = grid.Evaluate.__call__

    def interrupted(self, trial):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append((trial.multiplier.name, trial.method))
        return evaluate(self, trial)

    with monkeypatch.context() as patched:
        patched.setattr(grid.Evaluate, "__call__", interrupted)
        assert main(words) == 130
    out = tmp_path / "out"
    assert not (out / "table.csv").exists()
    assert len((out / "results.jsonl").read_text().splitlines()) == 1 + 1 + 4

    again = []
    with monkeypatch.context() as patched:
        patched.setattr(
            grid.Evaluate, "__call__",
            lambda self, trial: again.append((trial.multiplier.name, trial.method))
            or evaluate(self, trial),
        )  # fmt: skip
        assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "multipliers: 2, methods: 5, seeds: 1; 5 results stored"
    assert not set(again) & set(calls)
    assert len(again) + len(calls) == 2 + 2 * 5

    trials = pd.read_csv(out / "trials.csv")
    assert len(trials) == 1 + 12
    assert trials["accuracy"].between(0, 1).all()
    table = pd.read_csv(out / "table.csv", index_col="multiplier")
    assert list(table.index) == ["exact_signed", "mul8s_bam_h0_v8", "mul8s_tm_k4"]
    assert table["power_mw"].dropna().tolist() == [0.15, 0.11]
    assert [name for name in table.columns if name in METHODS] == METHODS
    assert table.loc["mul8s_tm_k4", METHODS].notna().all()
    assert table.loc["exact_signed", METHODS].notna().tolist() == [True, False, False, False, True]
    stored = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()[1:]]
    by_name = {(s["inputs"]["multiplier"], s["inputs"]["method"]): s["result"] for s in stored}
    assert table["lut"]["mul8s_tm_k4"] == by_name["mul8s_tm_k4", "lut"]["accuracy"]
    page = (out / "table.html").read_text()
    assert f"{100 * table['noise']['mul8s_tm_k4']:.2f}" in page
    assert "--evoapprox" in page
    assert "| mul8s_tm_k4 | " in (out / "table.md").read_text()

    # What neither retraining nor the network depends on is not computed again.
    assert main([*words, "--multipliers", "*tm*", "--methods", "none", "--epochs", "2"]) == 0
    assert len((out / "results.jsonl").read_text().splitlines()) == 1 + 13


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--multipliers", "mul8u_*"],
            "no 8-bit multiplier matches 'mul8u_*'; there are",
        ),
        (["--methods", "prayer"], "no method 'prayer'; there are none, fold, noise"),
        (["--data", "nowhere"], "there is no folder nowhere"),
        (["--device", "cuda:77"], "--device cuda:77"),
        (["--data", "digits", "--size", "9"], "not for the digits"),
        (["--data", "digits", "--augment"], "'augment' mirrors images, which makes no digits"),
    ],
)
def test_wrong_words_are_told_in_one_line(words, more, message, capsys):
    assert main([*words, *more]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_multipliers_are_stated_once(capsys):
    assert main(["reproduce"]) == 1
    assert "state either --evoapprox DIR or multipliers" in capsys.readouterr().err


@pytest.mark.nightly
def test_a_table_whose_process_is_killed_is_resumed(words, tmp_path):
    """The process dies without a word at some trial; what it had stored stays."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "analysis.cli", *words]
    results = tmp_path / "out" / "results.jsonl"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and (not results.exists() or len(lines(results)) < 6):
            time.sleep(0.05)
        process.kill()
    stored = lines(results)
    assert 6 <= len(stored) < 14
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    assert lines(results)[: len(stored)] == stored
    assert len(lines(results)) == 1 + 1 + 12
    assert len(pd.read_csv(tmp_path / "out" / "trials.csv")) == 13


def lines(file):
    """Return the lines of a file that end."""
    return file.read_text().split("\n")[:-1]
