"""Layers against the oracle on random configurations: integers equal, floats to 1e-5.

50 configurations of each kind of layer, and 2,000 more that are new every time in the nightly
profile; ``--hypothesis-show-statistics`` shows which there were. Some run on the CUDA kernels, in
Numba's simulator where there is no device.
"""

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.torchapprox.oracle_cases import KINDS
from tests.torchapprox.simulated_cuda import launches, simulated_cuda

SEEDS = st.integers(0, 2**32 - 1)


def check(kind, seed):
    case = KINDS[kind](seed)
    event("ports and weights", payload=case.scheme)
    event("accumulator", payload="exact" if case.accumulator is None else "narrow")
    expected = case.expected()
    exact = case.converted(torch.float64)
    y = exact(case.x.double()).detach()
    assert y.shape == expected.shape
    scales = case.scales(y.dim())
    bias = torch.zeros(()) if case.layer.bias is None else case.layer.bias.detach()
    real_bias = case.by_channel(bias.double(), y.dim())
    # In float64 the integers can be told from the output.
    assert torch.equal(((y - real_bias) / scales).round().to(torch.int64), expected)
    if seed % 4 == 0:
        scaled = scales * expected
        y = case.converted(torch.float32)(case.x)
        tolerance = 1e-5 * (scaled.abs() + real_bias.abs())
        assert ((y.double() - scaled - real_bias).abs() <= tolerance).all()


def check_on_cuda_kernels(kind, seed):
    launches.clear()
    with pytest.MonkeyPatch.context() as monkeypatch, simulated_cuda():
        monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
        check(kind, seed)
    assert launches, "no product ran on a CUDA kernel"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_layer(kind, seed):
    check(kind, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2000, deadline=None)
@given(seed=SEEDS)
def test_layer_nightly(kind, seed):
    check(kind, seed)


@pytest.mark.cuda
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_layer_on_cuda_kernels(kind, seed):
    check_on_cuda_kernels(kind, seed)


@pytest.mark.cuda
@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_layer_on_cuda_kernels_nightly(kind, seed):
    check_on_cuda_kernels(kind, seed)
