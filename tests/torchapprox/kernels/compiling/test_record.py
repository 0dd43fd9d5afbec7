"""Records in memory: what compiled code reads of them is what Python wrote."""

import ctypes
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from torchapprox.kernels.compiling.cpu_kernel import compiles
from torchapprox.kernels.compiling.piece import piece_cpu
from torchapprox.kernels.compiling.record import address_of, integers_of, layout_of
from torchapprox.kernels.compiling.vector_memory import call, elements


class Inner(NamedTuple):
    values: NDArray[np.int32]
    flag: bool


class Outer(NamedTuple):
    before: int
    inner: Inner
    out: NDArray[Any]
    scale: int


OUT = np.zeros(3, np.float32)
RECORD = Outer(-5, Inner(np.array([1, -(2**31), 7], np.int32), flag=True), OUT, np.int64(3))


def test_records_lie_as_their_layout_says():
    integers, layout = integers_of(RECORD), layout_of(Outer)
    assert layout.itemsize == 8 * len(integers)
    laid = np.array(integers).view(layout)[0]
    assert (laid["before"], laid["scale"], laid["inner"]["flag"]) == (-5, 3, 1)
    assert laid["inner"]["values"] == RECORD.inner.values.ctypes.data


@piece_cpu(inner=Inner, out=np.float32)
def scaled(inner, out, factor):
    values = elements(inner.values, np.int32)
    for i in range(3):
        out[i] = values[i] * factor + inner.flag


@piece_cpu(record=Outer)
def passed_on(record, piece):
    call(piece, (record.inner, record.out, record.scale * record.before))


@pytest.mark.skipif(not compiles(), reason="pieces are called by the address of machine code")
def test_a_piece_passes_a_record_in_a_record_to_another():
    memory = np.array(integers_of(RECORD))
    piece = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(passed_on.address)
    piece(memory.ctypes.data, scaled.address)
    assert OUT.tolist() == [-14, float(np.float32(15 * 2**31 + 1)), -104]


def test_the_address_of_any_array():
    for values in (np.arange(5), np.arange(10)[::2]):
        for writeable in (True, False):
            values.flags.writeable = writeable
            assert address_of(values) == values.ctypes.data
    assert address_of(np.zeros((0, 3))) == 0
