"""Multipliers, traces and results that the tests of the analysis share."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.demo import Budget, load_multiplier, run_demo
from multipliers import Multiplier
from torchapprox import LayerTrace

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
    """Count given codes as a trace would, with loops that are checked by eye."""

    def make(x_codes, w_codes, *, x_signed=True, w_signed=True, scale=None, output_std=1.0):
        groups, rows, fan_in = x_codes.shape
        channels = w_codes.shape[1]
        x_counts = np.zeros((groups * fan_in, 256), dtype=np.int64)
        joint_counts = np.zeros((256, 256), dtype=np.int64)
        for g in range(groups):
            for m in range(rows):
                for k in range(fan_in):
                    x_counts[g * fan_in + k, x_codes[g, m, k]] += 1
                    np.add.at(joint_counts[x_codes[g, m, k]], w_codes[g, :, k], 1)
        return LayerTrace(
            name="layer",
            groups=groups,
            fan_in=fan_in,
            out_channels=groups * channels,
            rows=rows,
            samples=rows,
            x_counts=x_counts,
            joint_counts=joint_counts,
            w_codes=w_codes,
            x_signed=x_signed,
            w_signed=w_signed,
            scale=np.ones(groups * channels) if scale is None else scale,
            output_mean=0.0,
            output_std=output_std,
        )

    return make


@pytest.fixture(scope="session")
def results():
    """Results of a demo that hardly trains."""
    return run_demo(load_multiplier(None), budget=TINY)
