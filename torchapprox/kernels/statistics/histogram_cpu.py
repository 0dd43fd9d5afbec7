"""Counts of operand codes at each position of a layer's input.

    counts[p, c] = number of m with codes[m, p] == c

A strip of positions is counted at once: its counts stay in the first-level cache, and codes that
follow each other never meet in one count. Every count of a strip is then added to memory, 2 KB a
position, so that counting pays for many rows at a time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu, division

_STRIP = 16  # positions, whose counts take 16 KB
# Counts from one position's to the next: at whole parts of a page, a CPU would take the counts of
# one code at several positions for the same ones.
_PITCH = 272
_CODES_AT_ONCE = 2**18  # that a thread is handed


def histogram_cpu(codes: NDArray[np.uint8], counts: NDArray[Any], *, threads: int) -> None:
    """Add the counts of every column of ``codes`` to ``counts``.

    Args:
        codes: uint8 `(M, P)`, C-contiguous.
        counts: `(P, 256)` of any type that holds the counts, C-contiguous; added to.
        threads: Largest number of threads to use.
    """
    rows, positions = codes.shape
    _count_strips(codes, counts, **_strips(rows, positions, threads))


def matrix_histogram_cpu(
    codes: NDArray[np.uint8],
    by_matrix: NDArray[np.floating[Any]],
    total: NDArray[np.int64] | None,
    *,
    threads: int,
) -> None:
    """Count the columns of each of several matrices.

    Args:
        codes: uint8 `(G, M, K)`, C-contiguous.
        by_matrix: Floating point `(G, K, 256)`, C-contiguous; overwritten.
        total: `(K, 256)`, C-contiguous, to which the counts of all matrices are added; or None.
        threads: Largest number of threads to use.
    """
    matrices, rows, depth = codes.shape
    _count_matrix_strips(codes, by_matrix, total, **_strips(matrices * rows, depth, threads))


def _strips(rows: int, positions: int, threads: int) -> dict[str, int]:
    """Return how the strips are divided."""
    return division(-(-positions // _STRIP), rows * _STRIP, threads, most=_CODES_AT_ONCE)


@blocks_cpu
def _count_strips(codes: Any, counts: Any, start: int, stop: int) -> None:
    height, positions = codes.shape
    table = np.zeros((_STRIP, _PITCH), np.int32)
    for strip in range(start, stop):
        first = strip * _STRIP
        width = min(_STRIP, positions - first)
        table[:] = 0
        for m in range(height):
            for k in range(np.uintp(width)):
                table[k, codes[m, np.uintp(first) + k]] += 1
        for k in range(width):
            count = counts[first + k]
            for code in range(256):
                count[code] += table[k, code]


@blocks_cpu
def _count_matrix_strips(codes: Any, by_matrix: Any, total: Any, start: int, stop: int) -> None:
    matrices, height, depth = codes.shape
    table = np.zeros((_STRIP, _PITCH), np.int32)
    for strip in range(start, stop):
        first = strip * _STRIP
        width = min(_STRIP, depth - first)
        for matrix in range(matrices):
            table[:] = 0
            for m in range(height):
                for k in range(np.uintp(width)):
                    table[k, codes[matrix, m, np.uintp(first) + k]] += 1
            for k in range(width):
                count = by_matrix[matrix, first + k]
                for code in range(256):
                    count[code] = table[k, code]
                if total is not None:
                    everywhere = total[first + k]
                    for code in range(256):
                        everywhere[code] += table[k, code]
