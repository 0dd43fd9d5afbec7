r"""Sums of table look-ups that saturate after every addition, on the CPU.

    s[0] = 0,   s[k + 1] = min(max(s[k] + table[rows[g, r, k], runs[g, k, m]], low), high)
    out[g, r, m] = s[K]

As in `lookup_cpu`, one operand's code selects a row of the table, 1 KB that stays in the
first-level cache, and the other operand is read in contiguous runs. The additions of one output
depend on each other, those of a run do not, so that the loop over a run is the inner one.

Overflow: the sums are int64. A sum lies in low..high and an entry is below 2^31 in magnitude, so
that they fit for limits up to 2^61.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.threads.blocks import blocks_cpu, division

RUN = 1024  # 8 KB of sums
BLOCK_LOOKUPS = 2**18  # long enough to hide the hand-out to a thread, short enough to balance


def saturating_runs_cpu(
    table: NDArray[np.int32],
    rows: NDArray[np.uint8],
    runs: NDArray[np.uint8],
    out: NDArray[np.int64],
    low: int,
    high: int,
    *,
    threads: int,
) -> None:
    """Fill ``out`` with saturating sums of look-ups along runs.

    Args:
        table: int32 `(256, 256)`, C-contiguous; first index the code of ``rows``.
        rows: uint8 `(G, R, K)`, C-contiguous.
        runs: uint8 `(G, K, M)`, C-contiguous.
        out: int64 `(G, R, M)`, C-contiguous; overwritten.
        low: Least sum.
        high: Greatest sum.
        threads: Largest number of threads to use.
    """
    groups, length, depth = rows.shape
    run = min(RUN, runs.shape[2])
    tasks = groups * length * -(-runs.shape[2] // max(run, 1))
    blocks = division(tasks, depth * run, threads, most=BLOCK_LOOKUPS)
    _fill(table, rows, runs, out, low, high, run, **blocks)


@blocks_cpu
def _fill(
    table: Any, rows: Any, runs: Any, out: Any, low: int, high: int, run: int, start: int, stop: int
) -> None:
    """Fill the runs of ``out`` numbered ``start`` to ``stop`` in the order (group, run, row)."""
    _, length, depth = rows.shape
    width = runs.shape[2]
    runs_per_row = -(-width // run)
    for task in range(start, stop):
        row = task % length
        first = (task // length) % runs_per_row * run
        group = task // (length * runs_per_row)
        last = min(first + run, width)
        sums = out[group, row, first:last]
        sums[:] = 0
        for k in range(depth):
            entries = table[rows[group, row, k]]
            codes = runs[group, k, first:last]
            for m in range(last - first):
                sums[m] = min(max(sums[m] + entries[codes[m]], low), high)
