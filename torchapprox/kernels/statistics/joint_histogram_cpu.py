"""Counts of the pairs of codes that meet in products of matrices.

    joint[a, b] = sum_k x_count[k, a] * w_count[k, b]

over the positions of all pairs of matrices, where ``x_count[k, a]`` is the number of rows of x
whose code at position k is a. Counts of several positions share a word, as instructions multiply
them (`pair_emitter`): two of 16 bits, or, of matrices of at most `BYTE_ROWS` rows and with VNNI,
four of 8. The latter are signed bytes of x, so that those are counts less 128, and

    joint[a, b] = sum_k (x_count[k, a] - 128) * w_count[k, b] + 128 * sum_k w_count[k, b]

Overflow: all pairs may be of the same two codes, M N of them at each position, so that callers
bound M N times the number of positions by `MOST_PAIRS`.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.features.pair_unit import VECTORS, PairUnit, byte_unit, pair_unit
from torchapprox.kernels.lookup.table_planes import aligned_empty
from torchapprox.kernels.threads.blocks import division
from torchapprox.kernels.threads.scratch import Arrays, Scratch

BYTE_ROWS = 255
MOST_ROWS = 2**15 - 1
MOST_PAIRS = 2**31 - 1
_MOST_POSITIONS = 2**15  # of a matrix, whose words are kept for the next call

# Words from one step to the next: an odd number of cache lines, so that they do not compete for
# the same lines of the first-level cache.
_PITCH = 272
_STRIP = 16  # positions that are counted at once
_CODES_AT_ONCE = 2**17  # that a thread is handed
_TILES_AT_ONCE = 4  # likewise, which read words of x from the nearest caches one after another


def joint_unit(rows: int, columns: int, depth: int) -> PairUnit | None:
    """Return what multiplies counts fastest; None where floats are faster, or counts do not fit.

    Args:
        rows: Rows of the matrices of x, M.
        columns: Rows of those of w, N.
        depth: Positions of one matrix, K.

    Examples:
        >>> joint_unit(2**15, 10, 64)
    """
    most = max(rows, columns)
    if most > MOST_ROWS or depth > _MOST_POSITIONS or rows * columns * depth > MOST_PAIRS:
        return None
    units = (byte_unit(), pair_unit()) if most <= BYTE_ROWS else (pair_unit(),)
    return next((unit for unit in units if unit.instruction), None)


def joint_histogram_cpu(
    x: NDArray[np.uint8],
    w: NDArray[np.uint8],
    joint: NDArray[np.int64],
    x_counts: NDArray[np.int64],
    *,
    unit: PairUnit,
    threads: int,
) -> None:
    """Add how often codes meet, and how often those of x occur at each position.

    Args:
        x: uint8 `(G, M, K)`, C-contiguous; G K M N is at most `MOST_PAIRS`.
        w: uint8 `(G, N, K)`, C-contiguous.
        joint: `(256, 256)`, row = code of x; added to.
        x_counts: `(K, 256)`, C-contiguous, of all matrices together; added to.
        unit: What multiplies counts; see `joint_unit`.
        threads: Largest number of threads to use.
    """
    steps = x.shape[0] * -(-x.shape[2] // unit.share)
    scratch = _scratch.take(steps)
    x_words, w_words, sums = scratch[1]
    empty = 128 if unit.share == 4 else 0
    _count(x, unit, empty, x_words, x_counts, threads)
    _count(w, unit, 0, w_words, _NOBODY, threads)
    rows, width = _rows(unit), VECTORS * unit.lanes
    # Codes beyond the greatest take part where they share registers with others.
    height, tiles = (-(-(int(c.max(initial=0)) + 1) // size) for c, size in ((x, rows), (w, width)))
    multiply, piece = _compiled(unit)
    multiply(
        *(x_words, w_words, steps, sums, rows * height, joint, rows, width, empty, piece),
        **division(tiles, 1, threads, most=_TILES_AT_ONCE),
    )
    _scratch.give_back(scratch)


def _rows(unit: PairUnit) -> int:
    """Return how many codes of x have their sums in registers."""
    return 8 if unit.lanes == 16 else 6


def _count(
    codes: NDArray[np.uint8],
    unit: PairUnit,
    empty: int,
    words: NDArray[np.uint32],
    totals: NDArray[np.int64],
    threads: int,
) -> None:
    """Fill words of every matrix, one after another, with counts less what is `empty`."""
    matrices, rows, depth = codes.shape
    blocks = division(-(-depth // _STRIP), matrices * rows * _STRIP, threads, most=_CODES_AT_ONCE)
    counts = words.view(np.uint8 if unit.share == 4 else np.uint16).reshape(-1)
    _loops().share_counter(unit.share)(codes, empty, counts, words, totals, **blocks)


_NOBODY = np.zeros((0, 256), np.int64)


def _new_scratch(steps: int) -> Arrays:
    """Return the words of both operands, and sums, of whole strips of codes."""
    x_words, w_words = (aligned_empty((steps, _PITCH), np.uint32) for _ in range(2))
    return x_words, w_words, aligned_empty((258, 256), np.int32)


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

    return _loops().multiply_counts, pair_multiplier(unit, _rows(unit)).address
