"""How many blocks of a kernel a multiprocessor holds, by NVIDIA's compute capabilities."""

from typing import NamedTuple

WARP = 32
_REGISTERS = 65_536  # of a multiprocessor
_REGISTER_UNIT = 256  # that a warp is given at once
_SHARED_UNIT = 128  # bytes
_RESERVED = 1024  # bytes of shared memory of each block from 8.0 on


class Multiprocessor(NamedTuple):
    """What a multiprocessor holds: warps, blocks, and bytes of shared memory."""

    warps: int
    blocks: int
    shared: int


MULTIPROCESSORS = {
    70: Multiprocessor(64, 32, 96 * 1024),
    75: Multiprocessor(32, 16, 64 * 1024),
    80: Multiprocessor(64, 32, 164 * 1024),
    86: Multiprocessor(48, 16, 100 * 1024),
    89: Multiprocessor(48, 24, 100 * 1024),
    90: Multiprocessor(64, 32, 228 * 1024),
    100: Multiprocessor(64, 32, 228 * 1024),
    120: Multiprocessor(48, 24, 100 * 1024),
}
"""By architecture, as in ``sm_90`` (CUDA C++ Programming Guide, compute capabilities)."""


def resident_blocks(arch: int, threads: int, registers: int, shared: int) -> int:
    """Return how many blocks are resident at once.

    Args:
        arch: Architecture, as in ``sm_90``; one that is not known counts as the greatest known one
            below it.
        threads: Threads of a block.
        registers: Registers of a thread.
        shared: Bytes of shared memory of a block.

    Examples:
        >>> resident_blocks(90, 256, 128, 16_400), resident_blocks(90, 256, 152, 16_400)
        (2, 1)
        >>> resident_blocks(70, 256, 32, 40_000)
        2
    """
    holds = MULTIPROCESSORS[max(each for each in MULTIPROCESSORS if each <= arch)]
    warps = -(-threads // WARP)
    of_warp = -(-registers * WARP // _REGISTER_UNIT) * _REGISTER_UNIT
    of_block = -(-(shared + (_RESERVED if arch >= 80 else 0)) // _SHARED_UNIT) * _SHARED_UNIT
    by_shared = holds.shared // of_block if of_block else holds.blocks
    return min(holds.blocks, holds.warps // warps, _REGISTERS // (of_warp * warps), by_shared)
