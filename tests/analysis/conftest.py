"""Multipliers, traces and results that the tests of the analysis share."""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from analysis import (
    Assignment,
    ChoiceTable,
    Digits,
    Labelled,
    SelectionResults,
    load_digits,
    trace_batches,
    write_report,
)
from analysis.characterisation.sources import file_multiplier
from analysis.reports.demo import Budget, run_demo
from analysis.reports.pictures import Picture
from multipliers import Multiplier, demo_netlist, get
from tests.analysis.small_arguments import BATCHES, MULTIPLIER
from torchapprox import GemmOperands, LayerTracer, approximate

TINY = Budget(floating=2, quantised=1, approximate=1)


@pytest.fixture
def random_multiplier():
    """Make a multiplier with a random table that no symmetry can hide behind."""

    def make(seed=0, *, x_signed=True, w_signed=True):
        rng = np.random.default_rng(seed)
        exact = Multiplier.from_lut(
            np.zeros((256, 256), int), x_signed=x_signed, w_signed=w_signed
        ).exact
        table = exact + rng.integers(-900, 300, exact.shape)
        return Multiplier.from_lut(table, name="random", x_signed=x_signed, w_signed=w_signed)

    return make


@pytest.fixture
def make_trace():
    """Trace given codes, `(G, M, K)` and `(G, N, K)`, as if a layer had multiplied them."""

    def make(
        x_codes,
        w_codes,
        *,
        x_signed=True,
        w_signed=True,
        x_zero_point=0,
        w_zero_point=None,
        scale=None,
        output=(-1.0, 1.0),
        rows=None,
        seed=0,
        fixed_weights=True,
    ):
        groups, channels = w_codes.shape[:2]
        size = groups * channels
        scale = np.ones(size) if scale is None else scale
        w_zero_point = np.zeros(size, np.int64) if w_zero_point is None else w_zero_point
        ranges = {True: (-128, 127), False: (0, 255)}
        count = size * x_codes.shape[1]
        outputs = torch.tensor(output).repeat(-(-count // len(output)))[:count]
        outputs = outputs.reshape(groups, x_codes.shape[1], channels)
        tracer = LayerTracer("layer", rows=rows, seed=seed)
        tracer.update(
            GemmOperands(
                x_codes=torch.from_numpy(x_codes),
                w_codes=torch.from_numpy(w_codes),
                x_range=ranges[x_signed],
                w_range=ranges[w_signed],
                x_zero_point=torch.tensor([x_zero_point]),
                w_zero_point=torch.from_numpy(w_zero_point).reshape(groups, channels),
                scale=torch.from_numpy(scale).reshape(groups, channels),
                fixed_weights=fixed_weights,
            ),
            outputs,
        )
        return tracer.result

    return make


@pytest.fixture(scope="session")
def given():
    """A converted model, its trace and a table of choices; tests must leave them as they are."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2))
    approximate(model, MULTIPLIER, calibration=BATCHES)
    zeros = np.zeros((1, 1))
    table = ChoiceTable(("0",), (MULTIPLIER,), zeros, zeros, zeros)
    return SimpleNamespace(model=model, trace=trace_batches(model, BATCHES), table=table)


def every_third(seed):
    """Return every third digit: what runs are to show does not depend on how many there are."""
    parts = (load_digits(seed).train, load_digits(seed).test)
    return Digits(*(Labelled(part.images[::3], part.labels[::3]) for part in parts))


@pytest.fixture
def few_digits(monkeypatch):
    """Have demos run on every third digit."""
    monkeypatch.setattr("analysis.reports.demo.load_digits", every_third)


@pytest.fixture(scope="session")
def results():
    """Results of a demo that hardly trains, on every third digit."""
    multiplier, netlist = file_multiplier(demo_netlist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.reports.demo.load_digits", every_third)
        return run_demo(multiplier, netlist=netlist, budget=TINY)


@pytest.fixture
def quick_pictures(monkeypatch):
    """Draw no plots for a report: one pixel stands for all of them."""
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    )
    monkeypatch.setattr(
        "analysis.reports.pictures.Picture.draw",
        lambda name, text, _: Picture(name, text, light=pixel, dark=pixel, pdf=b"%PDF-1.4"),
    )


@pytest.fixture(scope="session")
def small_results(results):
    """Two layers of them, since pictures take their time."""
    layers = results.explanation.layers[:2]
    traces = {layer.name: results.explanation.traces[layer.name] for layer in layers}
    return replace(results, explanation=replace(results.explanation, layers=layers, traces=traces))


@pytest.fixture(scope="session")
def report_folder(small_results, tmp_path_factory):
    """A report of them, drawn once."""
    folder = tmp_path_factory.mktemp("report")
    assert write_report(small_results, folder) == folder / "report.html"
    return folder


@pytest.fixture(scope="session")
def selection_results():
    """A choice among few assignments of three layers, made up."""
    layers = ("features.0.conv", "encoder.attention.in_proj", "head")
    multipliers = {name: get(name) for name in ("mul8s_array", "mul8s_tm_k3", "mul8s_tm_k4")}
    energies = {"mul8s_array": 1.0, "mul8s_tm_k3": 0.34, "mul8s_tm_k4": 0.2}
    macs = dict(zip(layers, (900, 400, 20), strict=True))
    fine, middle, coarse = multipliers.values()
    assignments = {
        "exact, folded": Assignment.uniform(layers, fine),
        "mul8s_tm_k3, folded": Assignment.uniform(layers, middle),
        "mul8s_tm_k4, folded": Assignment.uniform(layers, coarse),
        "milp, folded": Assignment(zip(layers, (coarse, middle, fine), strict=True)),
        "milp 2, folded": Assignment(zip(layers, (middle, coarse, coarse), strict=True)),
    }
    accuracies = {"exact": 0.97, "mul8s_tm_k3": 0.96, "mul8s_tm_k4": 0.4, "milp": 0.968}
    rows = []
    for label, one in assignments.items():
        method = label.partition(",")[0]
        accuracy = accuracies.get(method, 0.93)
        rows.append({
            "label": label,
            "method": "milp" if method.startswith("milp") else "uniform",
            "folded": True,
            "relative_energy": one.relative_energy(energies, macs),
            "distinct": len(one.distinct),
            "validation_accuracy": accuracy,
            "validation_certainty": accuracy - 0.02,
            "validation_loss": 1.2 - accuracy,
            "accepted": accuracy > 0.955,
            "exact": label == "exact, folded",
            "chosen": label == "milp, folded",
            "on_front": accuracy > 0.5,
            "test_accuracy": accuracy - 0.01 if accuracy > 0.5 else float("nan"),
            "test_loss": 0.3 if accuracy > 0.5 else float("nan"),
        })  # fmt: skip
    points = pd.DataFrame(rows).sort_values("relative_energy", ignore_index=True)
    chosen = assignments["milp, folded"]
    return SelectionResults(
        summary="One of 3 multipliers for each of the 3 layers of made, at most 1 point lost.",
        points=points,
        assignments=assignments,
        chosen="milp, folded",
        layers=chosen.frame(macs=macs, energies=energies),
        sensitivities=pd.DataFrame(
            {"layer": list(layers), "slope": [0.3, 0.1, 2.0], "accuracy_slope": [0.1, 0.0, 0.4],
             "r_squared": [0.99, 0.8, 0.95]}
        ),
        provenance={"model": "made", "assignment, SHA-256": chosen.digest, "seed": "0"},
    )  # fmt: skip


@pytest.fixture
def terminal(capsys, monkeypatch):
    """What reads the standard streams, of which errors go to what says that it is a terminal."""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    return capsys
