"""Counts of pairs of codes against counts that NumPy makes, for every width of vectors."""

import numpy as np
import pytest

from torchapprox.kernels import joint_histogram_cpu
from torchapprox.kernels.features.pair_unit import PORTABLE_BYTES, PairUnit, byte_unit
from torchapprox.kernels.statistics.joint_histogram_cpu import (
    MOST_POSITIONS,
    MOST_ROWS,
    counts_in_bytes,
)

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


def test_the_most_positions_of_one_pair_of_codes_do_not_overflow():
    codes = [np.full((1, MOST_ROWS, MOST_POSITIONS), code, np.uint8) for code in (3, 7)]
    joint, of_x = np.zeros((256, 256), np.int64), np.zeros((MOST_POSITIONS, 256), np.int64)
    joint_histogram_cpu(*codes, joint, of_x, threads=2)
    assert joint[3, 7] == joint.sum() == MOST_ROWS**2 * MOST_POSITIONS
    assert not counts_in_bytes(MOST_ROWS, MOST_ROWS, MOST_POSITIONS + 1)
