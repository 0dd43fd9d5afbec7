"""Blocks of a multiprocessor, against NVIDIA's occupancy calculator."""

import pytest

from benchmarks.cuda_occupancy import resident_blocks


@pytest.mark.parametrize(
    ("arch", "threads", "registers", "shared", "blocks"),
    [
        (90, 256, 128, 16_400, 2),  # registers
        (90, 256, 129, 16_400, 1),
        (90, 256, 32, 0, 8),  # warps
        (90, 32, 16, 0, 32),  # blocks
        (90, 256, 32, 48 * 1024, 4),  # shared memory: 228 KB by 49
        (86, 256, 32, 0, 6),
        (75, 1024, 32, 0, 1),
        (70, 256, 32, 48 * 1024, 2),
        (87, 256, 32, 0, 6),  # as 86
    ],
)
def test_what_limits_the_blocks(arch, threads, registers, shared, blocks):
    assert resident_blocks(arch, threads, registers, shared) == blocks
