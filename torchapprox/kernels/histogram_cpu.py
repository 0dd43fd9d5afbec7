"""Counts of operand codes at each position of a layer's input.

counts[p, c] = number of m with codes[p, m] == c

Where codes of one position do not follow each other, a strip of positions is counted at once: its
counts stay in the first-level cache, and codes that follow each other never meet in one count.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.jit import jit_cpu
from torchapprox.kernels.threads import for_each_block


def histogram_cpu(codes: NDArray[np.uint8], counts: NDArray[Any], *, threads: int) -> None:
    """Add the counts of every row of ``codes`` to ``counts``.

    Args:
        codes: uint8 `(P, M)`, C-contiguous.
        counts: `(P, 256)` of any type that holds the counts, C-contiguous; added to.
        threads: Largest number of threads to use.
    """
    positions, length = codes.shape
    block = max(1, min(2**18 // max(1, length), -(-positions // threads)))
    for_each_block(
        lambda start, stop: _count_rows(codes, counts, start, stop), positions, block, threads
    )


def strip_histogram_cpu(codes: NDArray[np.uint8], counts: NDArray[Any], *, threads: int) -> None:
    """Add the counts of every column of every matrix of ``codes`` to ``counts``.

    Args:
        codes: uint8 `(G, M, K)`, C-contiguous.
        counts: `(G * K, 256)` of any type that holds the counts, C-contiguous; added to.
        threads: Largest number of threads to use.
    """
    groups, height, depth = codes.shape
    strips = groups * -(-depth // _STRIP)
    block = max(1, min(2**18 // max(1, height * _STRIP), -(-strips // threads)))
    for_each_block(
        lambda start, stop: _count_strips(codes, counts, start, stop), strips, block, threads
    )


_STRIP = 16  # positions, whose counts take 16 KB


@jit_cpu
def _count_strips(codes: Any, counts: Any, start: int, stop: int) -> None:
    _, height, depth = codes.shape
    strips = -(-depth // _STRIP)
    table = np.zeros((_STRIP, 256), np.int32)
    for strip in range(start, stop):
        group, first = strip // strips, strip % strips * _STRIP
        width = min(_STRIP, depth - first)
        table[:] = 0
        for m in range(height):
            for k in range(np.uintp(width)):
                table[k, codes[group, m, np.uintp(first) + k]] += 1
        for k in range(width):
            count = counts[group * depth + first + k]
            for code in range(256):
                count[code] += table[k, code]


@jit_cpu
def _count_rows(codes: Any, counts: Any, start: int, stop: int) -> None:
    # Equal codes often follow each other: with one table every addition would wait for the last
    # one to be stored, with four in turn hardly any does. Adding them up pays on long rows.
    tables = np.zeros((4, 256), np.int64)
    for position in range(start, stop):
        row = codes[position]
        count = counts[position]
        whole = row.shape[0] // 4 * 4 if row.shape[0] >= 1024 else 0
        for m in range(whole, row.shape[0]):
            count[row[m]] += 1
        if whole:
            tables[:] = 0
            for m in range(0, whole, 4):
                tables[0, row[m]] += 1
                tables[1, row[m + 1]] += 1
                tables[2, row[m + 2]] += 1
                tables[3, row[m + 3]] += 1
            for code in range(256):
                count[code] += tables[0, code] + tables[1, code] + tables[2, code] + tables[3, code]
