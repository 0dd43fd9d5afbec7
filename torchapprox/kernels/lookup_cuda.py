r"""Sums of table look-ups on a CUDA device; the same formula as `lookup_runs_cpu`.

    out[g, r, m] = sum_k table[rows[g, r, k], runs[g, k, m]]

A block of `THREADS` threads computes `ROWS` x `THREADS` outputs: thread t owns column m, and keeps
one sum for each of `ROWS` rows in registers. The rows' codes for `DEPTH` values of k are staged in
shared memory (`ROWS` x `DEPTH` bytes). For one (r, k) all threads of a warp read the same row of
the table, 1 KB that the first-level cache holds; reads of ``runs`` and writes of ``out`` are
coalesced. Sums are int32 or int64, as ``out`` is; the caller proves that they fit.

Importing this module needs `numba.cuda`: the package ``numba-cuda`` and a driver, or Numba's
simulator (environment variable ``NUMBA_ENABLE_CUDASIM=1``), in which arrays are NumPy arrays.
"""

from typing import Any

import numba
from numba import cuda as _cuda

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

THREADS = 128
ROWS = 8
DEPTH = 64
_MOST_BLOCKS_YZ = 65535


def lookup_cuda(table: Any, rows: Any, runs: Any, out: Any, *, stream: Any = 0) -> None:
    """Fill ``out`` with sums of look-ups, asynchronously on ``stream``.

    Args:
        table: Device array, int32 `(256, 256)`, C-contiguous; first index the code of ``rows``.
        rows: Device array, uint8 `(G, R, K)`, C-contiguous.
        runs: Device array, uint8 `(G, K, M)`, C-contiguous.
        out: Device array, int32 or int64 `(G, R, M)`, C-contiguous; overwritten.
        stream: Stream to launch on; Numba's default stream if 0.
    """
    groups, length, _ = rows.shape
    width = runs.shape[2]
    if groups == 0 or length == 0 or width == 0:
        return
    kernel = _lookup_int64 if out.dtype.itemsize == 8 else _lookup_int32
    grid = (
        -(-width // THREADS),
        min(-(-length // ROWS), _MOST_BLOCKS_YZ),
        min(groups, _MOST_BLOCKS_YZ),
    )
    kernel[grid, THREADS, stream](table, rows, runs, out)


def _make_kernel(sum_type: Any) -> Any:
    @cuda.jit
    def lookup(table, rows, runs, out):
        staged = cuda.shared.array((ROWS, DEPTH), numba.uint8)
        sums = cuda.local.array(ROWS, sum_type)
        groups, length, depth = rows.shape
        width = runs.shape[2]
        thread = cuda.threadIdx.x
        m = cuda.blockIdx.x * THREADS + thread
        # Grid-stride loops, since a grid has at most 65,535 blocks in y and z.
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for first_row in range(cuda.blockIdx.y * ROWS, length, cuda.gridDim.y * ROWS):
                for r in range(ROWS):
                    sums[r] = 0
                for first_k in range(0, depth, DEPTH):
                    cuda.syncthreads()
                    for entry in range(thread, ROWS * DEPTH, THREADS):
                        row = first_row + entry // DEPTH
                        k = first_k + entry % DEPTH
                        if row < length and k < depth:
                            staged[entry // DEPTH, entry % DEPTH] = rows[group, row, k]
                    cuda.syncthreads()
                    if m < width:
                        for k in range(min(DEPTH, depth - first_k)):
                            code = runs[group, first_k + k, m]
                            for r in range(min(ROWS, length - first_row)):
                                sums[r] += table[staged[r, k], code]
                if m < width:
                    for r in range(min(ROWS, length - first_row)):
                        out[group, first_row + r, m] = sums[r]

    return lookup


_lookup_int32 = _make_kernel(numba.int32)
_lookup_int64 = _make_kernel(numba.int64)
