r"""Sums of table look-ups over receptive fields, on a CUDA device.

    out[b, g, r, p] = sum_k table[weights[g, r, k], codes[start(b, g, p) + step(k)]]

An output at position p of image b sees the codes that stand at fixed steps from its first one, so
that convolutions of any stride and dilation read their padded input in place. A matrix product is
the convolution of one image with a kernel of one element: channels are k, positions are m.

A block computes ``ROWS`` x ``columns * threads`` outputs; their sums stay in registers. The rows of
the table that it needs for some values of k are staged in shared memory, two rows to a word where
the table's entries span 16 bits: the 32-bit word of a code holds its products with the weights of
two output rows, so that one access looks up two products. All threads of a warp read the same pair
of rows.

Floor, per multiprocessor and cycle: shared memory answers 32 banks. Random codes meet 3.4 times in
the fullest bank of a warp's 32 (the average over uniform codes), so that the 64 products of a
warp's access take 3.4 cycles: 19 look-ups a cycle, 4.4e12 a second on 132 multiprocessors at
1.755 GHz. Staging (one access in eight with four columns a thread) and codes take the rest:

    staging a pair of rows    4 x (2 loads + 2 stores) + 2    = 18 accesses of a warp
    looking up 1024 columns   32 x 3.4 + 32 / 4 loads         = 117

which leaves 81 % of the floor. Beside one access there are four integer instructions, two cycles of
the multiprocessor, so that arithmetic is not the limit. A thread holds 32 sums; with at most 128
registers two blocks of 256 threads are resident, and 16 independent accesses of each thread hide
the latency.

Importing this module needs `numba.cuda`: the package ``numba-cuda`` and a driver, or Numba's
simulator (environment variable ``NUMBA_ENABLE_CUDASIM=1``), in which arrays are NumPy arrays.
"""

from functools import cache
from typing import Any

import numba
from numba import cuda as _cuda
from numba.core import config

from torchapprox.kernels.fields import Fields
from torchapprox.kernels.fields_cuda import field_sizes, field_start, field_step

cuda: Any = _cuda  # its members exist only where a driver or the simulator does

WARP = 32
THREADS = 256
COLUMNS = 4  # of a thread, where there are enough of them to fill the device
ENOUGH_BLOCKS = 256
STAGED = 16  # pairs of rows in shared memory, 1 KB each
MOST_PAIRS = 4
# At most 128 registers a thread; the simulator does not know the option.
_OPTIONS: dict[str, int] = (
    {} if getattr(config, "ENABLE_CUDASIM", False) else {"max_registers": 128}
)
_MOST_BLOCKS_YZ = 65535
_MOST_CODES = 2**32
_HALF = 128  # codes in one half of a row


def lookup_cuda(
    table: Any,
    weights: Any,
    codes: Any,
    fields: Fields,
    out: Any,
    *,
    least: int | None = None,
    stream: Any = 0,
) -> None:
    """Fill ``out`` with sums of look-ups, asynchronously on ``stream``.

    Args:
        table: Device array, C-contiguous, first index the weight's code: int32 `(256, 256)`; where
            ``least`` is given, entries minus ``least`` in 16 bits each, int32 `(256, 128)`: the low
            half of a word is the entry of its column, the high half that of its column plus 128.
        weights: Device array, uint8 `(G, R, K)`, C-contiguous, K in the order channel, *kernel.
        codes: Device array, uint8 `(B * G * C * prod(size),)`, C-contiguous.
        fields: Where the codes of each output stand.
        out: Device array, int32 or int64 `(B * G * R * P,)`, C-contiguous; overwritten. The caller
            proves that the sums fit; with an image they are int32.
        least: What the entries of such an image lack, None for a table.
        stream: Stream to launch on; Numba's default stream if 0.

    Raises:
        NotImplementedError: There are 2^32 codes or more.
    """
    groups, length, depth = weights.shape
    positions = fields.output[0] * fields.output[1] * fields.output[2]
    width = fields.batch * positions
    if groups == 0 or length == 0 or width == 0:
        return
    if codes.size >= _MOST_CODES or width >= _MOST_CODES:
        raise NotImplementedError(
            f"the CUDA kernel takes less than 2^32 activation codes and outputs of a channel, got "
            f"{codes.size} and {width}; split the batch"
        )
    threads = min(THREADS, -(-width // WARP) * WARP)
    pairs = MOST_PAIRS if length > 2 else 1
    rows = 2 * pairs if least is not None else pairs
    row_blocks, tiles = -(-length // rows), -(-width // (COLUMNS * threads))
    columns = COLUMNS if tiles * row_blocks * groups >= ENOUGH_BLOCKS else 1
    kernel = _kernel(least is not None, pairs, columns, out.dtype.itemsize)
    grid = (
        -(-width // (columns * threads)),
        min(row_blocks, _MOST_BLOCKS_YZ),
        min(groups, _MOST_BLOCKS_YZ),
    )
    bias = depth * (least or 0)
    kernel[grid, threads, stream](table, weights, codes, field_sizes(fields), bias, out)


@cache
def _kernel(packed: bool, pairs: int, columns: int, sum_bytes: int) -> Any:
    """Return the kernel for pairs of rows of an image, or for single rows of a table."""
    rows = 2 * pairs if packed else pairs
    outputs = rows * columns
    staged = STAGED // pairs
    stage = _stage_pairs if packed else _stage_rows
    sum_type = numba.int64 if sum_bytes == 8 else numba.int32  # int32 may wrap on the way

    # Loops over rows, columns and staged k are of constant length, or sums would leave registers.
    @cuda.jit(**_OPTIONS)
    def lookup(table, weights, codes, sizes, bias, out):
        words = cuda.shared.array((staged, pairs, 256), numba.uint32)
        steps = cuda.shared.array(staged, numba.uint32)
        sums = cuda.local.array(outputs, sum_type)
        starts = cuda.local.array(columns, numba.uint32)
        code = cuda.local.array(columns, numba.uint8)
        groups, length, depth = weights.shape
        positions = numba.uint32(sizes[14] * sizes[15] * sizes[16])
        width = sizes[0] * positions
        first = cuda.blockIdx.x * cuda.blockDim.x * columns + cuda.threadIdx.x
        # Grid-stride loops, since a grid has at most 65,535 blocks in y and z.
        for group in range(cuda.blockIdx.z, groups, cuda.gridDim.z):
            for j in range(columns):
                # A column beyond the last one reads what the first one reads.
                m = first + j * cuda.blockDim.x
                starts[j] = field_start(numba.uint32(m if m < width else 0), group, groups, sizes)
            for first_row in range(cuda.blockIdx.y * rows, length, cuda.gridDim.y * rows):
                for i in range(outputs):
                    sums[i] = 0
                for first_k in range(0, depth, staged):
                    cuda.syncthreads()
                    if cuda.threadIdx.x < staged:
                        k = min(first_k + cuda.threadIdx.x, depth - 1)
                        steps[cuda.threadIdx.x] = field_step(numba.uint32(k), sizes)
                    stage(table, weights, group, first_row, first_k, words)
                    cuda.syncthreads()
                    for d in range(staged):
                        for j in range(columns):
                            code[j] = codes[starts[j] + steps[d]]
                        for i in range(pairs):
                            for j in range(columns):
                                word = words[d, i, code[j]]
                                if packed:
                                    sums[2 * i * columns + j] += word & 0xFFFF
                                    sums[(2 * i + 1) * columns + j] += word >> 16
                                else:
                                    sums[i * columns + j] += numba.int32(word)
                for j in range(columns):
                    m = first + j * cuda.blockDim.x
                    if m < width:
                        image, p = numba.uint32(m) // positions, numba.uint32(m) % positions
                        place = ((image * groups + group) * length + first_row) * positions + p
                        for i in range(rows):
                            if first_row + i < length:
                                total = numba.int64(sums[i * columns + j]) + bias
                                out[place + i * positions] = total

    return lookup


@cuda.jit(device=True)
def _stage_pairs(image, weights, group, first_row, first_k, words):
    """Fill ``words[d, i, code]`` with the products of rows 2 * i and 2 * i + 1, by warps.

    Products beyond the last k are 0.
    """
    staged, pairs, _ = words.shape
    _, length, depth = weights.shape
    lane = cuda.threadIdx.x % WARP
    for entry in range(cuda.threadIdx.x // WARP, staged * pairs, cuda.blockDim.x // WARP):
        d, i = entry // pairs, entry % pairs
        row = first_row + 2 * i  # a row beyond the last one repeats it
        inside = first_k + d < depth
        k = first_k + d if inside else 0
        low = weights[group, min(row, length - 1), k]
        high = weights[group, min(row + 1, length - 1), k]
        for column in range(lane, _HALF, WARP):
            a = image[low, column] if inside else 0
            b = image[high, column] if inside else 0
            words[d, i, column] = (a & 0xFFFF) | ((b & 0xFFFF) << 16)
            words[d, i, column + _HALF] = ((a >> 16) & 0xFFFF) | (b & -0x10000)


@cuda.jit(device=True)
def _stage_rows(table, weights, group, first_row, first_k, words):
    """Fill ``words[d, i, code]`` with the bits of the products of row i, as `_stage_pairs`."""
    staged, rows, _ = words.shape
    _, length, depth = weights.shape
    lane = cuda.threadIdx.x % WARP
    for entry in range(cuda.threadIdx.x // WARP, staged * rows, cuda.blockDim.x // WARP):
        d, i = entry // rows, entry % rows
        inside = first_k + d < depth
        weight = weights[group, min(first_row + i, length - 1), first_k + d if inside else 0]
        for column in range(lane, 256, WARP):
            words[d, i, column] = table[weight, column] if inside else 0
