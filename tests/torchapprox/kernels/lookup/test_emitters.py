"""Look-ups in registers on CPUs that this one need not be: their machine code, and their sums."""

import numpy as np
import pytest

from tests.torchapprox.kernels.emitted import CPUS, Runnable, emitted, occurrences
from tests.torchapprox.kernels.lookup.test_line_cpu import RANGES, table_of
from torchapprox.kernels.lookup.accumulate_lines import _EMITTERS
from torchapprox.kernels.lookup.code_lines import LANES
from torchapprox.kernels.lookup.table_planes import (
    HIGH,
    LOW,
    SPLITS,
    STEPS_MAX,
    WHOLE,
    aligned_empty,
    split_table,
)

# Registers of codes: what kernels are made for; see `lookup_tiles.accumulator`.
REGISTERS = {"vbmi": (1, 2, 3, 4), "avx512bw": (1, 2, 3, 4), "avx2": (1,)}
KERNELS = [
    (kernel, bits, registers)
    for kernel, split in SPLITS.items()
    if kernel in _EMITTERS
    for bits in split
    for registers in REGISTERS[kernel]
]
# What each register of codes takes for half a table in one plane, by the kernels' docstrings.
PERMUTES = {"vbmi": ("vperm[it]2b", 1), "avx512bw": ("vperm[it]2w", 4), "avx2": ("vpshufb", 16)}


def module_of(kernel, bits, registers, halves):
    def emit(builder, *places):
        _EMITTERS[kernel](builder, registers, halves, SPLITS[kernel][bits]).emit(*places)

    return emitted(8, emit)


@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize(("kernel", "bits", "registers"), KERNELS)
def test_machine_code(kernel, bits, registers, halves):
    pattern, each = PERMUTES[kernel]
    planes = len(SPLITS[kernel][bits])
    passes = 3 if bits == 15 else 1  # two steps that share one, and one that is left
    module = module_of(kernel, bits, registers, halves)
    for cpu in CPUS[kernel] if registers == REGISTERS[kernel][-1] else CPUS[kernel][-1:]:
        found = occurrences(module, pattern, *cpu)
        assert found == each * registers * planes * halves * passes, cpu


@pytest.mark.parametrize("halves", [1, 2])
@pytest.mark.parametrize(("kernel", "bits", "registers"), KERNELS)
def test_sums(kernel, bits, registers, halves):
    run, table = Runnable(module_of(kernel, bits, registers, halves)), table_of(bits)
    source, positions = np.random.default_rng(registers), registers * LANES
    before, sums = aligned_empty((positions,), np.int32), np.empty(positions + 1, np.int32)
    for columns in (WHOLE,) if halves == 2 else (LOW, HIGH):
        planes = split_table(table, columns, {bits: SPLITS[kernel][bits]})
        for steps in (0, 1, 2, 5, STEPS_MAX, None):
            row = source.integers(0, 256, steps or STEPS_MAX, dtype=np.uint8)
            memory = source.integers(*RANGES[columns], 3 * positions, dtype=np.uint8)
            if steps is None:  # the greatest sums that lanes must hold
                memory[:] = 77 if columns == LOW else 255
            distances = source.integers(0, 2 * positions, len(row))
            before[:], sums[:] = source.integers(-999, 999, positions), 77
            run(
                *(planes.entries, planes.bias, row, 0 if steps == 0 else len(row)),
                *(memory, distances, before, sums),
            )
            expected = before.astype(np.int64)
            for code, distance in zip(row, distances, strict=True) if steps != 0 else ():
                expected += table[code, memory[distance : distance + positions]]
            np.testing.assert_array_equal(sums[:-1], expected.astype(np.int32))
            assert sums[-1] == 77
