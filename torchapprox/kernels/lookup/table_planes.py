"""A table split into planes, for kernels that read lines of codes.

    table[r, c] = bias[r] + sum_p 2^shift[p] * plane[p, r, c]

with bias[r] the least entry of row r, so that entries are 0 .. the widest row's range.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.compiling.jit import jit_cpu

ALIGNMENT = 64
LOW, HIGH, WHOLE = "low", "high", "whole"
# By kernel, how many bits of an entry each plane holds. Two steps of 7 bits fit a byte, two of 15
# bits fit 16.
SPLITS: dict[str, dict[int, tuple[int, ...]]] = {
    "vbmi": {16: (8, 8), 15: (7, 8), 8: (8,)},
    "avx512bw": {16: (16,)},
    "avx2": {16: (8, 8), 8: (8,)},
    "expanded": {16: (16,), 15: (16,)},
}
STEPS_MAX = 256  # whose bytes a lane holds the sum of; see `vector_emitter`
_COLUMNS = {LOW: slice(0, 128), HIGH: slice(128, 256), WHOLE: slice(0, 256)}


@dataclass(frozen=True, slots=True)
class Planes:
    """A table's rows, or one half of them, as planes of bytes or words.

    Attributes:
        entries: uint8 `(256, planes, halves * 128)`, or uint16 where a plane has more than 8 bits,
            at a multiple of 64 bytes.
        bias: int32 `(256,)`, the least entry of each row.
        bits: Bits of an entry that the planes have room for, a key of ``splits``.
        first: The table's column that the planes begin with, 0 or 128.
    """

    entries: NDArray[Any]
    bias: NDArray[np.int32]
    bits: int
    first: int

    @property
    def halves(self) -> int:
        """1 for the codes with one top bit, 2 for all codes."""
        return int(self.entries.shape[2]) // 128


def split_table(
    table: NDArray[np.int32], columns: str, splits: dict[int, tuple[int, ...]]
) -> Planes | None:
    """Split a table's rows into planes.

    Args:
        table: int32 `(256, 256)`.
        columns: `LOW` for columns 0..127, `HIGH` for 128..255, `WHOLE` for all.
        splits: Bits of an entry -> bits of each plane, lowest first.

    Returns:
        The planes with the fewest bits that hold every entry; None where no split does.
    """
    part = table[:, _COLUMNS[columns]].astype(np.int64)
    bias = part.min(axis=1)
    part -= bias[:, None]
    bits = min((bits for bits in splits if part.max() < 1 << bits), default=None)
    if bits is None:
        return None
    dtype = np.uint16 if max(splits[bits]) > 8 else np.uint8
    entries = aligned_empty((256, len(splits[bits]), part.shape[1]), dtype)
    shift = 0
    for plane, width in enumerate(splits[bits]):
        entries[:, plane] = part >> shift & (1 << width) - 1
        shift += width
    return Planes(entries, bias.astype(np.int32), bits, _COLUMNS[columns].start)


def columns_of(codes: NDArray[np.uint8]) -> str:
    """Return which columns of a table codes select: `LOW`, `HIGH` or `WHOLE`.

    Args:
        codes: uint8, contiguous.
    """
    least_bits, all_bits = _common_bits(codes.reshape(-1))
    if all_bits < 128:
        return LOW
    return HIGH if least_bits >= 128 else WHOLE


@jit_cpu
def _common_bits(codes):
    """Return the bits that every code has, and those that some code has."""
    every, some = np.uint8(255), np.uint8(0)
    for i in range(codes.size):
        every = np.uint8(every & codes[i])
        some = np.uint8(some | codes[i])
    return every, some


def aligned_empty(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Return an uninitialised array at a multiple of `ALIGNMENT` bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % ALIGNMENT
    return memory[offset : offset + size].view(dtype).reshape(shape)
