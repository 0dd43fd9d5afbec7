"""Multipliers, traces and results that the tests of the analysis share."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.demo import Budget, run_demo
from analysis.report import Picture
from analysis.sources import file_multiplier
from multipliers import Multiplier, demo_netlist
from torchapprox import GemmOperands, LayerTracer

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
def results():
    """Results of a demo that hardly trains."""
    multiplier, netlist = file_multiplier(demo_netlist())
    return run_demo(multiplier, netlist=netlist, budget=TINY)


@pytest.fixture
def quick_pictures(monkeypatch):
    """Draw no plots for a report: one pixel stands for all of them."""
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    )
    monkeypatch.setattr(
        "analysis.report.Picture.draw",
        lambda name, text, _: Picture(name, text, light=pixel, dark=pixel, pdf=b"%PDF-1.4"),
    )


@pytest.fixture(scope="session")
def small_results(results):
    """Two layers of them, since pictures take their time."""
    layers = results.explanation.layers[:2]
    traces = {layer.name: results.explanation.traces[layer.name] for layer in layers}
    return replace(results, explanation=replace(results.explanation, layers=layers, traces=traces))
