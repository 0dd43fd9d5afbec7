"""Both CPU kernels against three loops over Python integers."""

import numpy as np
import pytest

from tests.torchapprox.builders import random_table
from torchapprox.kernels import lookup_dot_cpu, lookup_runs_cpu
from torchapprox.kernels.lookup.lookup_cpu import RUN

SHAPES = [(1, 1, 1, 1), (2, 3, 5, 4), (1, 2, 8, 3), (3, 1, 9, 2), (1, 2, 3, RUN + 5), (1, 2, 0, 3)]


def operands(shape, seed=0):
    groups, rows, depth, columns = shape
    source = np.random.default_rng(seed)
    x = source.integers(0, 256, (groups, rows, depth), dtype=np.uint8)
    w = source.integers(0, 256, (groups, columns, depth), dtype=np.uint8)
    return x, w


def naive(table, x, w):
    table, out = table.tolist(), []
    for x_group, w_group in zip(x.tolist(), w.tolist(), strict=True):
        out.append(
            [
                [sum(table[a][b] for a, b in zip(row, column, strict=True)) for column in w_group]
                for row in x_group
            ]
        )
    return out


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("sums", "limit"), [(np.int32, 2**15), (np.int64, 2**31 - 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_runs(shape, sums, limit, threads):
    table = random_table(limit=limit)
    x, w = operands(shape)
    out = np.full((shape[0], shape[1], shape[3]), 77, sums)
    runs = np.ascontiguousarray(w.transpose(0, 2, 1))
    lookup_runs_cpu(table, x, runs, out, threads=threads)
    assert out.tolist() == naive(table, x, w)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("sums", "limit"), [(np.int32, 2**15), (np.int64, 2**31 - 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_dot(shape, sums, limit, order):
    table = random_table(limit=limit)
    x, w = operands(shape)
    out = np.full((shape[0], shape[1], shape[3]), 77, sums)
    lookup_dot_cpu(np.asarray(table, order=order), x, w, out, threads=2)
    assert out.tolist() == naive(table, x, w)
