"""Counts of the pairs of codes that meet in products of matrices.

    joint[a, b] = sum_k x_count[k, a] * w_count[k, b]

over the positions of all pairs of matrices, where ``x_count[k, a]`` is the number of rows of x
whose code at position k is a. Matrices of at most `MOST_ROWS` rows have counts of one byte, and
four positions share a word, as the instruction of VNNI multiplies them (`pair_emitter`). It takes
signed bytes of x, so that those are counts less 128, and

    joint[a, b] = sum_k (x_count[k, a] - 128) * w_count[k, b] + 128 * sum_k w_count[k, b]

Overflow: all pairs may be of the same two codes, 255^2 of them at each of at most `MOST_POSITIONS`
positions, which is less than 2^31.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.features.pair_unit import VECTORS, PairUnit, byte_unit
from torchapprox.kernels.lookup.table_planes import aligned_empty
from torchapprox.kernels.threads.blocks import division
from torchapprox.kernels.threads.scratch import Arrays, Scratch

MOST_ROWS = 255
MOST_POSITIONS = 2**15
"""Of all matrices together."""

# Words from four positions to the next: an odd number of cache lines, so that they do not compete
# for the same lines of the first-level cache.
_PITCH = 272
_SHARE = 4
_STRIP = 16  # positions that are counted at once
_HEIGHT = 8  # codes of x whose sums are in registers
_CODES_AT_ONCE = 2**17  # that a thread is handed

Words = NDArray[np.uint32]


def counts_in_bytes(rows: int, columns: int, depth: int) -> bool:
    """Return whether `joint_histogram_cpu` takes matrices, and floats are slower on this CPU.

    Args:
        rows: Rows of the matrices of x, M.
        columns: Rows of those of w, N.
        depth: Positions, K.

    Examples:
        >>> counts_in_bytes(256, 10, 64)
        False
    """
    fit = max(rows, columns) <= MOST_ROWS and depth <= MOST_POSITIONS
    return fit and bool(byte_unit().instruction)


def joint_histogram_cpu(
    x: NDArray[np.uint8],
    w: NDArray[np.uint8],
    joint: NDArray[np.int64],
    x_counts: NDArray[np.int64],
    *,
    unit: PairUnit | None = None,
    threads: int,
) -> None:
    """Add how often codes meet, and how often those of x occur at each position.

    Args:
        x: uint8 `(G, M, K)`, C-contiguous, of at most `MOST_POSITIONS` positions G K.
        w: uint8 `(G, N, K)`, C-contiguous.
        joint: `(256, 256)`, row = code of x; added to.
        x_counts: `(K, 256)`, C-contiguous, of all matrices together; added to.
        unit: What multiplies bytes; None for the fastest on this CPU.
        threads: Largest number of threads to use.
    """
    unit = unit or byte_unit()
    steps = x.shape[0] * -(-x.shape[2] // _SHARE)
    scratch = _scratch.take(steps)
    x_words, w_words, sums = scratch[1]
    _count(x, 128, x_words, x_counts, threads)
    _count(w, 0, w_words, _NOBODY, threads)
    width = VECTORS * unit.lanes
    # Codes beyond the greatest take part where they share registers with others.
    height, tiles = (
        -(-(int(c.max(initial=0)) + 1) // size) for c, size in ((x, _HEIGHT), (w, width))
    )
    multiply, piece = _compiled(unit)
    multiply(
        *(x_words, w_words, steps, sums, _HEIGHT * height, joint, _HEIGHT, width, piece),
        length=tiles,
        block=1,
        threads=threads,
    )
    _scratch.give_back(scratch)


def _count(
    codes: NDArray[np.uint8], empty: int, words: Words, totals: NDArray[np.int64], threads: int
) -> None:
    """Fill words of every matrix, one after another, with counts less what is `empty`."""
    matrices, rows, depth = codes.shape
    blocks = division(-(-depth // _STRIP), matrices * rows * _STRIP, threads, most=_CODES_AT_ONCE)
    count_bytes = _loops().count_bytes
    count_bytes(codes, empty, words.view(np.uint8).reshape(-1), 4 * _PITCH, totals, **blocks)


_NOBODY = np.zeros((0, 256), np.int64)


def _new_scratch(steps: int) -> Arrays:
    """Return the words of both operands, and sums."""
    x_words, w_words = (aligned_empty((steps, _PITCH), np.uint32) for _ in range(2))
    return x_words, w_words, aligned_empty((256, 256), np.int32)


_scratch = Scratch(_new_scratch)


@cache
def _loops() -> Any:
    """Import what is compiled, which loads Numba."""
    from torchapprox.kernels.statistics import joint_loops  # noqa: PLC0415

    return joint_loops


@cache
def _compiled(unit: PairUnit) -> tuple[Any, int]:
    """Return the kernel that multiplies counts, and the address of the piece that it calls."""
    from torchapprox.kernels.features.feature_tiles import pair_multiplier  # noqa: PLC0415

    return _loops().multiply_counts, pair_multiplier(unit, _HEIGHT).address
