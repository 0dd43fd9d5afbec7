"""Tables as planes and as prepared forms."""

import numpy as np
import pytest

from tests.torchapprox.builders import random_table
from torchapprox.kernels.lookup.lookup_table import TABLES_KEPT, lookup_table
from torchapprox.kernels.lookup.table_planes import (
    HIGH,
    LOW,
    SPLITS,
    WHOLE,
    columns_of,
    split_table,
)

COLUMNS = {LOW: slice(0, 128), HIGH: slice(128, 256), WHOLE: slice(0, 256)}


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize(
    ("largest", "bits"),
    [(0, 8), (255, 8), (256, 15), (2**15 - 1, 15), (2**15, 16), (2**16 - 1, 16)],
)
@pytest.mark.parametrize("kernel", SPLITS)
def test_planes_and_bias_give_the_table_back(kernel, largest, bits, columns):
    bits = min(held for held in SPLITS[kernel] if held >= bits)
    source = np.random.default_rng(largest)
    table = source.integers(0, largest + 1, (256, 256))
    table[:, [0, 255]], table[:, [3, 200]] = 0, largest
    table = (table + source.integers(-(2**30), 2**30, (256, 1))).astype(np.int32)
    planes = split_table(table, columns, SPLITS[kernel])
    assert planes.bits == bits
    assert planes.entries.ctypes.data % 64 == 0
    assert planes.halves == (2 if columns == WHOLE else 1)
    total, shift = planes.bias.astype(np.int64)[:, None], 0
    for plane, width in enumerate(SPLITS[kernel][bits]):
        assert planes.entries[:, plane].max() < 2**width
        total = total + (planes.entries[:, plane].astype(np.int64) << shift)
        shift += width
    np.testing.assert_array_equal(total, table[:, COLUMNS[columns]])


def test_a_row_with_too_wide_a_range_has_no_planes():
    table = np.zeros((256, 256), np.int32)
    table[9, 3], table[9, 200] = -(2**31), 2**31 - 1
    assert split_table(table, WHOLE, SPLITS["vbmi"]) is None
    table[9, 3], table[9, 200] = 0, 2**16
    assert split_table(table, WHOLE, SPLITS["vbmi"]) is None
    assert split_table(table, LOW, SPLITS["vbmi"]).bits == 8
    assert split_table(table, HIGH, SPLITS["vbmi"]) is None


@pytest.mark.parametrize(
    ("codes", "columns"),
    [
        ([], LOW),
        ([0, 127], LOW),
        ([128, 255], HIGH),
        ([127, 128], WHOLE),
        ([255] * 99 + [0], WHOLE),
    ],
)
def test_columns_that_codes_select(codes, columns):
    assert columns_of(np.array(codes, np.uint8)) == columns


def test_a_table_is_found_by_content_in_either_layout():
    table = random_table(5)
    prepared = lookup_table(table)
    for same in (table.copy(), np.asfortranarray(table), np.tile(table, 2)[:, :256]):
        assert lookup_table(same) is prepared
    np.testing.assert_array_equal(prepared.by_x, table)
    np.testing.assert_array_equal(prepared.by_w, table.T)


def test_a_table_written_in_place_is_prepared_anew():
    table = random_table(6)
    prepared = lookup_table(table)
    table[255, 255] += 1
    assert lookup_table(table) is not prepared
    assert lookup_table(table).by_x[255, 255] == prepared.by_x[255, 255] + 1


def test_few_tables_are_kept():
    first = random_table(7)
    prepared = lookup_table(first)
    for seed in range(TABLES_KEPT):
        lookup_table(random_table(100 + seed))
    assert lookup_table(first) is not prepared
