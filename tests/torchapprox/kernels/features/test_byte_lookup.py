"""Bytes of 64 codes at once, with instructions that this CPU need not have, and without."""

import numpy as np
import pytest
from numba import types

from tests.torchapprox.kernels.emitted import CPUS, Runnable, emitted, occurrences
from torchapprox.kernels.features.byte_lookup import (
    ANY,
    AVX2,
    CODES,
    VBMI,
    bytes_of_neighbours,
    words_of_lines,
    words_of_neighbours,
)

UNITS = pytest.mark.parametrize("unit", [VBMI, AVX2, ANY])
HALVES = pytest.mark.parametrize("halves", [1, 2])


def module_of(intrinsic, unit, count):
    literal = types.literal(unit)
    _, write = intrinsic._defn(None, literal, *[types.int64] * count)
    return emitted(count, lambda builder, *places: write(None, builder, None, (literal, *places)))


@pytest.mark.parametrize("cpu", CPUS["vbmi"], ids=str)
def test_machine_code(cpu):
    assert occurrences(module_of(words_of_neighbours, VBMI, 5), "vperm[it]2b", *cpu) == 2
    # Some more, by which LLVM joins the bytes of four lines.
    assert occurrences(module_of(words_of_lines, VBMI, 5), "vperm[it]2b", *cpu) >= 2 * 4


@pytest.mark.parametrize("cpu", CPUS["avx2"], ids=str)
def test_machine_code_of_avx2(cpu):
    """In a loop over halves of the table, a shuffle for each sixteenth and 32 codes."""
    module = module_of(bytes_of_neighbours, AVX2, 4)
    assert occurrences(module, "vpshufb", *cpu) == 2 * 8
    assert occurrences(module, "vpaddusb", *cpu) == 2 * 8


def drawn(halves, *shapes):
    """A table, and arrays of the codes that lie in some of its halves, the greatest among them."""
    source = np.random.default_rng(0)
    codes = [source.integers(0, 128 * halves, shape, dtype=np.uint8) for shape in shapes]
    codes[0].reshape(-1)[[3, 40]] = 0, 128 * halves - 1
    return source.integers(0, 256, 256, dtype=np.uint8), *codes


@UNITS
@HALVES
def test_bytes_of_neighbours(halves, unit):
    table, codes = drawn(halves, CODES)
    found = np.full(CODES + 1, 77, np.uint8)
    Runnable(module_of(bytes_of_neighbours, unit, 4))(table, halves, codes, found)
    assert np.array_equal(found[:-1], table[codes])
    assert found[-1] == 77


@UNITS
def test_every_code(unit):
    table, _ = drawn(2, CODES)
    run = Runnable(module_of(bytes_of_neighbours, unit, 4))
    found = np.zeros(256, np.uint8)
    for first in range(0, 256, CODES):
        run(table, 2, np.arange(first, first + CODES, dtype=np.uint8), found[first:])
    assert np.array_equal(found, table)


@UNITS
@HALVES
def test_words_of_neighbours(halves, unit):
    table, codes = drawn(halves, CODES)
    words = np.full((CODES // 4, 3), 77, np.uint32)
    Runnable(module_of(words_of_neighbours, unit, 5))(table, halves, codes, words, 4 * 3)
    assert np.array_equal(words[:, 0], table[codes].view("<u4"))
    assert (words[:, 1:] == 77).all()


@UNITS
@HALVES
def test_words_of_lines(halves, unit):
    table, lines = drawn(halves, (4, CODES + 9))
    words = np.full(CODES + 1, 77, np.uint32)
    run = Runnable(module_of(words_of_lines, unit, 5))
    run(table, halves, lines, CODES + 9, words)
    joined = np.ascontiguousarray(table[lines[:, :CODES]].T).view("<u4").reshape(-1)
    assert np.array_equal(words[:-1], joined)
    assert words[-1] == 77
