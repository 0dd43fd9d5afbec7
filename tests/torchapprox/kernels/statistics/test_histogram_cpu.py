"""Counts of codes against counts that plain loops make."""

import numpy as np
import pytest

from torchapprox.kernels import histogram_cpu, matrix_histogram_cpu


def codes(*shape):
    return np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)


def counted(columns):
    return [[column.count(code) for code in range(256)] for column in columns.T.tolist()]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1, 1), (0, 5), (5, 0), (1000, 7), (3, 16), (40, 33)])
def test_counts_are_added(shape, dtype, threads):
    rows = codes(*shape)
    counts = np.ones((shape[1], 256), dtype)
    histogram_cpu(rows, counts, threads=threads)
    np.testing.assert_array_equal(counts, np.reshape(counted(rows), counts.shape) + 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (0, 3, 5), (2, 0, 5), (3, 50, 7), (2, 9, 33)])
def test_counts_of_matrices(shape, dtype, threads):
    matrices = codes(*shape)
    by_matrix = np.full((shape[0], shape[2], 256), np.nan, dtype)
    total = np.ones((shape[2], 256), np.int64)
    matrix_histogram_cpu(matrices, by_matrix, total, threads=threads)
    expected = np.reshape([counted(matrix) for matrix in matrices], by_matrix.shape)
    np.testing.assert_array_equal(by_matrix, expected)
    np.testing.assert_array_equal(total, expected.sum(axis=0) + 1)
    again = np.full_like(by_matrix, np.nan)
    matrix_histogram_cpu(matrices, again, None, threads=threads)
    np.testing.assert_array_equal(again, expected)
