"""Which kernel a product's sizes call for."""

from weakref import WeakKeyDictionary

import numpy as np
import pytest

from tests.torchapprox.builders import random_table
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import LOW, WHOLE
from torchapprox.operators.lookup import line_cycles
from torchapprox.operators.lookup.line_cycles import ProductSizes, fastest_kernel, laid_out_cycles

TABLE = LookupTable(random_table(1, limit=2**15))
KERNELS = ("avx2", "expanded")


def chosen(sizes, *, table=TABLE, columns=WHOLE, kernels=KERNELS):
    return fastest_kernel(kernels, table, sizes, x_selects_rows=False, columns=columns)


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch):
    """A CPU's kernels do not change but in tests."""
    monkeypatch.setattr(line_cycles, "_choices", WeakKeyDictionary())


@pytest.mark.parametrize(
    ("sizes", "kernel"),
    [
        (ProductSizes(1, 9, 2304), "avx2"),  # depthwise
        (ProductSizes(4, 576, 256), "avx2"),
        (ProductSizes(64, 576, 1024), "expanded"),
        (ProductSizes(192, 768, 197), "expanded"),
    ],
)
@pytest.mark.parametrize("columns", [LOW, WHOLE])
def test_few_rows_are_looked_up_in_registers(sizes, kernel, columns, monkeypatch):
    monkeypatch.setattr(line_cycles, "available_kernels", lambda: (*KERNELS, "portable"))
    choice = chosen(sizes, columns=columns)
    assert choice.kernel == kernel
    assert choice.planes is TABLE.planes(kernel, x_selects_rows=False, columns=columns)
    others = [chosen(sizes, columns=columns, kernels=(name,)).cycles for name in KERNELS]
    assert choice.cycles == min(others)


@pytest.mark.parametrize(
    ("sizes", "laid_out"),
    [(ProductSizes(960, 160, 36), True), (ProductSizes(64, 576, 1024), False)],
)
def test_few_positions_select_rows_where_there_are_many_channels(sizes, laid_out, monkeypatch):
    monkeypatch.setattr(line_cycles, "available_kernels", lambda: (*KERNELS, "portable"))
    in_place = chosen(sizes, columns=LOW).cycles
    assert (laid_out_cycles(KERNELS, TABLE, sizes, 1) < in_place) == laid_out


def test_vectors_of_128_bits_take_twice_as_long(monkeypatch):
    cycles = []
    for kernels in (KERNELS, ("expanded",)):
        monkeypatch.setattr(line_cycles, "available_kernels", lambda kernels=kernels: kernels)
        monkeypatch.setattr(line_cycles, "_choices", WeakKeyDictionary())
        cycles.append(chosen(ProductSizes(64, 5760, 1024), kernels=("expanded",)).cycles)
    assert 1.9 < cycles[1] / cycles[0] <= 2


def test_a_choice_is_found_once_and_kept_for_so_many_products():
    sizes = ProductSizes(64, 576, 1024)
    assert chosen(sizes) is chosen(sizes)
    for depth in range(line_cycles._CHOICES_KEPT + 5):
        chosen(ProductSizes(64, depth, 1024))
    ((_, known),) = line_cycles._choices.items()
    assert len(known) == line_cycles._CHOICES_KEPT


def test_a_table_that_spans_more_than_16_bits_suits_none():
    table = random_table(1, limit=2**15).astype(np.int64)
    table[3, 7] = table.min() - 2**17
    table[7, 3] = table.min()
    wide = LookupTable(table.astype(np.int32))
    assert chosen(ProductSizes(8, 8, 8), table=wide) is None
