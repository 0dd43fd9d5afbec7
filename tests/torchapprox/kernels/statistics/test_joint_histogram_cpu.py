"""Counts of pairs of codes against counts that NumPy makes, for every width of vectors."""

import numpy as np
import pytest

from torchapprox.kernels import joint_histogram_cpu
from torchapprox.kernels.features.pair_unit import PORTABLE_BYTES, PairUnit, byte_unit

UNITS = {
    "fastest": byte_unit(),
    "128": PORTABLE_BYTES,
    "256": PairUnit(8, "", 4),
    "512": PairUnit(16, "", 4),
}


def counted(x, w):
    """Pairs of two operands, and the counts of the first."""
    joint, of_x = np.zeros((256, 256), np.int64), np.zeros((x.shape[2], 256), np.int64)
    for rows, columns in zip(x, w, strict=True):
        for k in range(x.shape[2]):
            own, other = (np.bincount(c[:, k], minlength=256) for c in (rows, columns))
            joint += np.outer(own, other)
            of_x[k] += own
    return joint, of_x


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
@pytest.mark.parametrize(
    ("matrices", "rows", "columns", "depth", "x_codes", "w_codes"),
    [
        (1, 1, 1, 1, 256, 256),
        (0, 3, 4, 5, 256, 256),
        (2, 0, 3, 5, 256, 256),
        (2, 3, 0, 5, 256, 256),
        (2, 255, 255, 67, 3, 256),
        (2, 255, 255, 9, 1, 1),
        (3, 128, 127, 16, 128, 2),
        (2, 40, 100, 301, 256, 33),
    ],
)
def test_pairs_are_added(matrices, rows, columns, depth, x_codes, w_codes, unit, threads):
    source = np.random.default_rng(3)
    x = source.integers(0, x_codes, (matrices, rows, depth), dtype=np.uint8)
    w = source.integers(256 - w_codes, 256, (matrices, columns, depth), dtype=np.uint8)
    joint, of_x = np.ones((256, 256), np.int64), np.ones((depth, 256), np.int64)
    joint_histogram_cpu(x, w, joint, of_x, unit=unit, threads=threads)
    expected = counted(x, w)
    np.testing.assert_array_equal(joint - 1, expected[0])
    np.testing.assert_array_equal(of_x - 1, expected[1])
