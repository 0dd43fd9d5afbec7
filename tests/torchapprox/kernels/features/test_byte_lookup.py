"""Bytes of 64 codes at once, with AVX-512 VBMI, which this CPU need not have, and without."""

import numpy as np
import pytest
from numba import types

from tests.torchapprox.kernels.emitted import CPUS, Runnable, emitted, occurrences
from torchapprox.kernels.features.byte_lookup import CODES, words_of_lines, words_of_neighbours


def module_of(intrinsic, vbmi):
    literal = types.literal(vbmi)
    _, write = intrinsic._defn(None, literal, *[types.int64] * 4)
    return emitted(4, lambda builder, *places: write(None, builder, None, (literal, *places)))


@pytest.mark.parametrize("cpu", CPUS["vbmi"], ids=str)
def test_machine_code(cpu):
    assert occurrences(module_of(words_of_neighbours, 1), "vperm[it]2b", *cpu) == 2
    # Some more, by which LLVM joins the bytes of four lines.
    assert occurrences(module_of(words_of_lines, 1), "vperm[it]2b", *cpu) >= 2 * 4


@pytest.mark.parametrize("vbmi", [0, 1])
def test_words_of_neighbours(vbmi):
    source = np.random.default_rng(0)
    table, codes = (source.integers(0, 256, size, dtype=np.uint8) for size in (256, CODES))
    words = np.full((CODES // 4, 3), 77, np.uint32)
    Runnable(module_of(words_of_neighbours, vbmi))(table, codes, words, 4 * 3)
    assert np.array_equal(words[:, 0], table[codes].view("<u4"))
    assert (words[:, 1:] == 77).all()


@pytest.mark.parametrize("vbmi", [0, 1])
def test_words_of_lines(vbmi):
    source = np.random.default_rng(1)
    table = source.integers(0, 256, 256, dtype=np.uint8)
    lines = source.integers(0, 256, (4, CODES + 9), dtype=np.uint8)
    words = np.full(CODES + 1, 77, np.uint32)
    Runnable(module_of(words_of_lines, vbmi))(table, lines, CODES + 9, words)
    joined = np.ascontiguousarray(table[lines[:, :CODES]].T).view("<u4").reshape(-1)
    assert np.array_equal(words[:-1], joined)
    assert words[-1] == 77
