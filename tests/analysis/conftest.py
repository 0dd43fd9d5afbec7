"""Multipliers, traces and results that the tests of the analysis share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.demo import Budget, load_multiplier, run_demo
from multipliers import Multiplier
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
        x_codes, w_codes, *, x_signed=True, w_signed=True, scale=None, output=(-1.0, 1.0), rows=512
    ):
        groups, channels = w_codes.shape[:2]
        scale = np.ones(groups * channels) if scale is None else scale
        ranges = {True: (-128, 127), False: (0, 255)}
        tracer = LayerTracer("layer", rows=rows)
        tracer.update(
            GemmOperands(
                x_codes=torch.from_numpy(x_codes),
                w_codes=torch.from_numpy(w_codes),
                x_range=ranges[x_signed],
                w_range=ranges[w_signed],
                x_zero_point=torch.zeros(1, dtype=torch.int64),
                w_zero_point=torch.zeros(groups, channels, dtype=torch.int64),
                scale=torch.from_numpy(scale).reshape(groups, channels),
            ),
            # As many outputs as sums, half of them each.
            torch.tensor(output).repeat(x_codes.shape[1] * groups * channels // 2),
        )
        return tracer.result

    return make


@pytest.fixture(scope="session")
def results():
    """Results of a demo that hardly trains."""
    return run_demo(load_multiplier(None), budget=TINY)
