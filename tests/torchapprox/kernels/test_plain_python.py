"""The portable kernels give the same integers as Python runs them, without a compiler."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import torchapprox
from tests.torchapprox import attention_cases, oracle_cases, recurrent_cases
from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from tests.torchapprox.layers.test_against_oracle import check
from tests.torchapprox.plain_python import plain_python
from torchapprox import Accumulator, get_approx_modules
from torchapprox.gradients import WindowDifference
from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.kernels.lookup import lookup_cpu
from torchapprox.kernels.results import rescale_cpu

KINDS = {
    **{kind: partial(check, kind) for kind in oracle_cases.KINDS},
    "scaled_dot_product_attention": attention_cases.scaled_dot_product_attention,
    "GRU": partial(recurrent_cases.layer, "GRU"),
}


def test_no_other_kernel_is_there():
    compiled = rescale_cpu._offsets
    with plain_python():
        assert available_kernels() == ("portable",)
        assert rescale_cpu._offsets is compiled.__wrapped__
    assert rescale_cpu._offsets is compiled


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_modules(kind, seed):
    with plain_python():
        KINDS[kind](seed)


@pytest.mark.parametrize("kernel", ["lookup_runs_cpu", "lookup_dot_cpu"])
def test_sums_beyond_32_bits(kernel):
    table = np.full((256, 256), -(2**31), np.int32)
    x, w = np.zeros((1, 2, 5), np.uint8), np.zeros((1, 5, 3), np.uint8)
    out = np.empty((1, 2, 3), np.int64)
    if kernel == "lookup_dot_cpu":
        w = np.ascontiguousarray(w.swapaxes(1, 2))
    with plain_python():
        getattr(lookup_cpu, kernel)(table, x, w, out, threads=1)
    assert (out == -5 * 2**31).all()


def trained_and_traced():
    """What tracing counts and what training's gradients are, small layers."""
    model = converted_cnn(random_multiplier(limit=2**8))
    for _, layer in get_approx_modules(model):
        layer.gradient = WindowDifference(4)
    layer.accumulator = Accumulator(10, overflow="saturate")
    x = images(3).requires_grad_()
    with torchapprox.trace(model) as traces:
        model(x).square().sum().backward()
    found = [x.grad, *(parameter.grad for parameter in model.parameters())]
    for trace in traces.values():
        sample = trace.sample
        arrays = trace.x_counts, trace.joint_counts, sample.x_codes, sample.w_codes
        found += [torch.from_numpy(array) for array in arrays]
        found += [torch.tensor([trace.output_mean, trace.output_std])]
    return found


def test_traces_and_gradients():
    compiled = trained_and_traced()
    with plain_python():
        plain = trained_and_traced()
    assert len(compiled) > 8
    for one, other in zip(plain, compiled, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
