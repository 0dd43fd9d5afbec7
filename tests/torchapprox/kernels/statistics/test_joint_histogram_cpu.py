"""Counts of pairs of codes against counts that NumPy makes, for every width of vectors."""

import numpy as np
import pytest

from torchapprox.kernels import joint_histogram_cpu
from torchapprox.kernels.features.pair_unit import (
    PORTABLE,
    PORTABLE_BYTES,
    PairUnit,
    byte_unit,
    pair_unit,
)
from torchapprox.kernels.statistics.joint_histogram_cpu import (
    BYTE_ROWS,
    MOST_PAIRS,
    MOST_ROWS,
    joint_unit,
)

BYTES = {
    "fastest bytes": byte_unit(),
    "bytes, 128": PORTABLE_BYTES,
    "bytes, 256": PairUnit(8, "", 4),
    "bytes, 512": PairUnit(16, "", 4),
}
PAIRS = {
    "fastest pairs": pair_unit(),
    "pairs, 128": PORTABLE,
    "pairs, 256": PairUnit(8, ""),
    "pairs, 512": PairUnit(16, ""),
}
UNITS = BYTES | PAIRS


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


@pytest.mark.parametrize("unit", PAIRS.values(), ids=PAIRS)
def test_more_rows_than_bytes_count(unit):
    source = np.random.default_rng(4)
    x = source.integers(0, 2, (3, 30000, 3), dtype=np.uint8)
    w = source.integers(126, 129, (3, 256, 3), dtype=np.uint8)
    joint, of_x = np.zeros((256, 256), np.int64), np.zeros((3, 256), np.int64)
    joint_histogram_cpu(x, w, joint, of_x, unit=unit, threads=2)
    expected = counted(x, w)
    np.testing.assert_array_equal(joint, expected[0])
    np.testing.assert_array_equal(of_x, expected[1])


@pytest.mark.parametrize(("rows", "unit"), [(BYTE_ROWS, byte_unit()), (MOST_ROWS, pair_unit())])
def test_the_most_pairs_of_two_codes_do_not_overflow(rows, unit):
    positions = MOST_PAIRS // rows**2
    codes = [np.full((1, rows, positions), code, np.uint8) for code in (3, 7)]
    joint, of_x = np.zeros((256, 256), np.int64), np.zeros((positions, 256), np.int64)
    joint_histogram_cpu(*codes, joint, of_x, unit=unit, threads=2)
    assert joint[3, 7] == joint.sum() == rows**2 * positions
    assert joint_unit(rows, rows, positions + 1) is None
    assert joint_unit(MOST_ROWS + 1, 1, 1) is None


def test_bytes_are_for_as_many_rows_as_they_count():
    pairs = pair_unit() if pair_unit().instruction else None
    assert joint_unit(BYTE_ROWS + 1, 3, 1) == joint_unit(3, BYTE_ROWS + 1, 1) == pairs
    assert joint_unit(BYTE_ROWS, 3, 1) == (byte_unit() if byte_unit().instruction else pairs)
