"""Sums of gradients times look-ups, and tables taken apart."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchapprox.operators.gradients import gradient_tables
from torchapprox.operators.gradients.gradient_tables import TableParts, table_gradient


def draw(sizes, seed, dtype=torch.float64):
    groups, rows, depth, length = sizes
    generator = torch.Generator().manual_seed(seed)
    codes = [
        torch.randint(0, 256, (groups, n, depth), generator=generator).to(torch.uint8)
        for n in (rows, length)
    ]
    grad = torch.randn(groups, rows, length, generator=generator).to(dtype)
    return grad, *codes, torch.randn(256, 256, generator=generator).to(dtype)


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(0, 3), *[st.integers(0, 7)] * 3), st.integers(0, 999))
def test_definition(sizes, seed):
    grad, own, other, table = draw(sizes, seed)
    groups, rows, depth, length = sizes
    out = table_gradient(grad, own, other, table)
    anywhere = gradient_tables._anywhere(grad, own, other, table)
    for g, r, k in np.ndindex(groups, rows, depth):
        expected = sum(
            float(grad[g, r, s]) * float(table[int(own[g, r, k]), int(other[g, s, k])])
            for s in range(length)
        )
        assert float(out[g, r, k]) == pytest.approx(expected, abs=1e-9)
        assert float(anywhere[g, r, k]) == pytest.approx(expected, abs=1e-9)


def test_threads_give_the_same(monkeypatch):
    arguments = draw((2, 700, 9, 130), 1, torch.float32)
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda n=threads: n)
        results.append(table_gradient(*arguments))
    assert torch.equal(*results)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opcheck(dtype):
    grad, own, other, table = draw((2, 3, 4, 5), 1, dtype)
    operator = torch.ops.torchapprox.table_gradient.default
    torch.library.opcheck(operator, (grad, own, other, table))
    torch.library.opcheck(operator, (grad, own.mT.contiguous().mT, other, table.T))


@pytest.mark.parametrize(("rank", "factored"), [(0, True), (5, True), (24, True), (25, False)])
def test_parts_give_the_table_back(rank, factored):
    source = np.random.default_rng(0)
    table = 1e4 * source.normal(size=(256, rank)) @ source.normal(size=(rank, 256))
    table += source.normal(size=256)  # a function of the other operand, no part of the rest
    parts = TableParts.of(table, torch.device("cpu"))
    own, other = parts.factors
    assert len(own) == (rank if factored else 0)
    whole = parts.mean + own.T @ other + (0 if parts.rest is None else parts.rest)
    np.testing.assert_allclose(whole.numpy(), table, atol=1e-4 * max(1, np.abs(table).max()) ** 0.5)
    assert (parts.rest is None) is factored
