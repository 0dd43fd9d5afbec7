r"""Sums of table look-ups on the CPU, the portable kernels.

`lookup_runs_cpu`, for many outputs along one operand:

    out[g, r, m] = sum_k table[rows[g, r, k], runs[g, k, m]]

One operand's code (``rows``) selects a row of the table, 256 entries that stay in the first-level
cache; the other operand (``runs``) is read in contiguous runs of up to `RUN` codes. Which of
activations and weights plays which part is the caller's choice: the longer one runs.

Four consecutive k share one pass over the run, so that an output is loaded and stored once for
four look-ups. A run of outputs (2048 x 4 bytes), four rows of the table (4 KB) and four runs of
codes (8 KB) fit a first-level cache of 32 KB.

`lookup_dot_cpu`, for few rows or columns, where arranging an operand in runs would cost as much as
the look-ups:

    out[g, m, n] = sum_k table[x[g, m, k], w[g, n, k]]

Each output is one dot product; the table's rows come from the second-level cache.

Overflow: every partial sum is a sum of at most K entries, so that ``out`` may be int32 where
K * max|table| < 2^31 and must be int64 otherwise. The caller proves it. Numba adds two int32 as
int64; as plain Python, where it compiles nothing, one of them has to be one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu, division

RUN = 2048
BLOCK_LOOKUPS = 2**18  # long enough to hide the hand-out to a thread, short enough to balance


def lookup_runs_cpu(
    table: NDArray[np.int32],
    rows: NDArray[np.uint8],
    runs: NDArray[np.uint8],
    out: NDArray[Any],
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups along runs.

    Args:
        table: int32 `(256, 256)`, C-contiguous; first index the code of ``rows``.
        rows: uint8 `(G, R, K)`, C-contiguous.
        runs: uint8 `(G, K, M)`, C-contiguous.
        out: int32 or int64 `(G, R, M)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    groups, length, _ = rows.shape
    run = min(RUN, runs.shape[2])
    tasks = groups * length * -(-runs.shape[2] // max(run, 1))
    _fill_runs(table, rows, runs, out, run, **_lookups(tasks, rows.shape[2] * run, threads))


def lookup_dot_cpu(
    table: NDArray[np.int32],
    x: NDArray[np.uint8],
    w: NDArray[np.uint8],
    out: NDArray[Any],
    *,
    threads: int,
) -> None:
    """Fill ``out`` with sums of look-ups, one dot product each.

    Args:
        table: int32 `(256, 256)`, C-contiguous; row = code of ``x``.
        x: uint8 `(G, M, K)`, C-contiguous.
        w: uint8 `(G, N, K)`, C-contiguous.
        out: int32 or int64 `(G, M, N)`, C-contiguous; overwritten.
        threads: Largest number of threads to use.
    """
    _fill_dots(table, x, w, out, **_lookups(out.size, x.shape[2], threads))


def _lookups(items: int, lookups: int, threads: int) -> dict[str, int]:
    """Return how items of some look-ups are divided."""
    if items * lookups < BLOCK_LOOKUPS // 4:
        threads = 1
    return division(items, lookups, threads, most=BLOCK_LOOKUPS)


@blocks_cpu
def _fill_dots(table, x, w, out, start, stop):
    """Fill the outputs numbered ``start`` to ``stop`` in the order (group, row, column)."""
    _, height, width = out.shape
    for item in range(start, stop):
        group, m, n = item // (height * width), item // width % height, item % width
        x_codes, w_codes = x[group, m], w[group, n]
        total = np.int64(0)
        for k in range(x_codes.shape[0]):
            total += table[x_codes[k], w_codes[k]]
        out[group, m, n] = total


@blocks_cpu
def _fill_runs(table, rows, runs, out, run, start, stop):
    """Fill the runs of ``out`` numbered ``start`` to ``stop`` in the order (group, run, row)."""
    _, length, depth = rows.shape
    width = runs.shape[2]
    runs_per_row = -(-width // run)
    for task in range(start, stop):
        row = task % length
        first = (task // length) % runs_per_row * run
        group = task // (length * runs_per_row)
        last = min(first + run, width)
        codes = rows[group, row]
        sums = out[group, row, first:last]
        sums[:] = 0
        k = 0
        while k + 4 <= depth:
            entries_0 = table[codes[k]]
            entries_1 = table[codes[k + 1]]
            entries_2 = table[codes[k + 2]]
            entries_3 = table[codes[k + 3]]
            run_0 = runs[group, k, first:last]
            run_1 = runs[group, k + 1, first:last]
            run_2 = runs[group, k + 2, first:last]
            run_3 = runs[group, k + 3, first:last]
            for m in range(last - first):
                sums[m] += (
                    np.int64(entries_0[run_0[m]])
                    + entries_1[run_1[m]]
                    + entries_2[run_2[m]]
                    + entries_3[run_3[m]]
                )
            k += 4
        while k < depth:
            entries_0 = table[codes[k]]
            run_0 = runs[group, k, first:last]
            for m in range(last - first):
                sums[m] += entries_0[run_0[m]]
            k += 1
