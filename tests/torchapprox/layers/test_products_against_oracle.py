"""Modules of several products against the oracle: every product's integers equal, gates close.

25 configurations of each kind, most of which have a dozen products, and 2,000 more that are new
every time in the nightly profile. Some run on the CUDA kernels, in Numba's simulator where there is
no device.
"""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.torchapprox import attention_cases, recurrent_cases
from tests.torchapprox.simulated_cuda import launches, simulated_cuda

SEEDS = st.integers(0, 2**32 - 1)
KINDS = {
    "matmul": attention_cases.matmul,
    "scaled_dot_product_attention": attention_cases.scaled_dot_product_attention,
    "MultiheadAttention": attention_cases.multihead_attention,
    **{kind: partial(recurrent_cases.layer, kind) for kind in recurrent_cases.KINDS},
    **{kind: partial(recurrent_cases.cell, kind) for kind in recurrent_cases.CELLS},
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_products(kind, seed):
    KINDS[kind](seed)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2000, deadline=None)
@given(seed=SEEDS)
def test_products_nightly(kind, seed):
    KINDS[kind](seed)


def check_on_cuda_kernels(kind, seed):
    launches.clear()
    with pytest.MonkeyPatch.context() as monkeypatch, simulated_cuda():
        monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
        KINDS[kind](seed)
    assert launches, "no product ran on a CUDA kernel"


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["matmul", "MultiheadAttention", "LSTM", "GRUCell"])
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_products_on_cuda_kernels(kind, seed):
    check_on_cuda_kernels(kind, seed)


@pytest.mark.cuda
@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_products_on_cuda_kernels_nightly(kind, seed):
    check_on_cuda_kernels(kind, seed)
