"""Products of words on CPUs that this one need not be: their machine code, and their sums."""

import numpy as np
import pytest

from tests.torchapprox.kernels.emitted import CPUS, Runnable, emitted, occurrences
from torchapprox.kernels.features.pair_emitter import _Tile
from torchapprox.kernels.features.pair_unit import (
    _BYTES,
    _SMALL_BYTES,
    _UNITS,
    PORTABLE,
    PORTABLE_BYTES,
    VECTORS,
)

UNITS = {
    "pairs avx512bw": (_UNITS["avx512bw"], "avx512bw", "vpmaddwd|vpdpwssd"),
    "pairs avx2": (_UNITS["avx2"], "avx2", "vpmaddwd|vpdpwssd"),
    "bytes vnni": (_BYTES, "vnni", "vpdpbusd"),
    "small bytes avx2": (_SMALL_BYTES, "avx2", "vpmaddubsw"),
    "pairs": (PORTABLE, "avx2", ""),
    "bytes": (PORTABLE_BYTES, "avx2", ""),
}


CASES = [
    (name, unsigned)
    for name, (unit, *_) in UNITS.items()
    for unsigned in (False, True)
    if unit.share == 4 or not unsigned  # pairs are signed
]


def tile(unit, rows):
    return emitted(12, lambda builder, *places: _Tile(builder, unit, rows).emit(*places))


@pytest.mark.parametrize(("name", "unsigned_rows"), [case for case in CASES if UNITS[case[0]][2]])
def test_machine_code(name, unsigned_rows):
    unit, kind, pattern = UNITS[name]
    unit = unit._replace(unsigned_rows=unsigned_rows)
    for rows in range(1, unit.rows + 1):
        module = tile(unit, rows)
        for cpu in CPUS[kind] if rows == unit.rows else CPUS[kind][-1:]:
            # In a loop over single steps, and in one over two narrow ones.
            assert occurrences(module, pattern, *cpu) == (3 if unit.narrows else 1) * VECTORS * rows


def fields(words, share, *, signed):
    """The integers in words, with their place in a word as the last axis."""
    kind = np.dtype(f"{'i' if signed else 'u'}{4 // share}")
    return words.view(kind).reshape(*words.shape, share).astype(np.int64)


@pytest.mark.parametrize(("name", "unsigned_rows"), CASES)
def test_sums(name, unsigned_rows):
    unit = UNITS[name][0]._replace(unsigned_rows=unsigned_rows)
    source, width = np.random.default_rng(1), VECTORS * unit.lanes
    for rows in {1, 3, unit.rows}:
        run = Runnable(tile(unit, rows))
        for steps, narrow in ((0, 0), (1, 0), (19, 0), (19, 8), (6, 6)):
            words = source.integers(0, 2**32, 400, dtype=np.uint32)
            of_rows = source.integers(0, 2**32, (rows, steps + 1), dtype=np.uint32)
            if unit.instruction == _SMALL_BYTES.instruction:  # which saturates beyond 16 bits
                words, of_rows = words & 0x7F7F7F7F, of_rows & 0x7F7F7F7F
                of_rows[:, :narrow] &= 0x3F3F3F3F
            before = source.integers(-(2**31), 2**31, (rows, width + 3), dtype=np.int32)
            sums = np.full((rows, width + 1), 77, np.int32)
            distances = 4 * source.integers(0, 400 - 5 - unit.lanes, steps)
            other = words[5:]
            run(
                *(words, other, distances, of_rows, 4 * (steps + 1), 4, steps, narrow),
                *(before, 4 * (width + 3), sums, 4 * (width + 1)),
            )
            expected = before[:, :width].astype(np.int64)
            for k, place in enumerate(distances // 4):
                columns = np.concatenate(
                    [part[place : place + unit.lanes] for part in (words, other)]
                )
                of_step, pairs = of_rows[:, k].copy(), unit.share == 2
                x = fields(of_step, unit.share, signed=pairs or not unsigned_rows)
                y = fields(columns, unit.share, signed=pairs or unsigned_rows)
                expected += x @ y.T
            assert np.array_equal(sums[:, :width], expected.astype(np.int32))
            assert (sums[:, width:] == 77).all()
