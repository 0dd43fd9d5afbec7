"""The compiled part of joint counts; `joint_histogram_cpu` has the formula and the layout."""

import numpy as np

from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.threads.blocks import blocks_cpu

_STEPS = 64  # that are multiplied at once, whose words stay in the second-level cache


@blocks_cpu
def count_bytes(codes, empty, counts, pitch, totals, start, stop):
    """Count strips ``start`` to ``stop`` of 16 positions in all matrices.

    Args:
        codes: uint8 `(G, M, K)`.
        empty: Which byte stands for the count 0.
        counts: Bytes of the words, one-dimensional; overwritten.
        pitch: Bytes from four positions to the next.
        totals: int64 `(K, 256)`, counts of all matrices that are added to, or of no positions.
        start: First strip.
        stop: The one behind the last.
    """
    matrices, height, depth = codes.shape
    flat, steps = codes.reshape(-1), (depth + 3) // 4
    pitch = np.uintp(pitch)
    for strip in range(start, stop):
        first = strip * 16
        width = min(16, depth - first)
        for matrix in range(matrices):
            begin = np.uintp(matrix * steps + strip * 4) * pitch
            end = begin + np.uintp((width + 3) // 4) * pitch
            counts[begin:end] = empty
            for m in range(height):
                of = np.uintp((matrix * height + m) * depth + first)
                if width == 16:
                    for k in range(np.uintp(16)):
                        at = begin + k // np.uintp(4) * pitch + k % np.uintp(4)
                        counts[at + np.uintp(4) * np.uintp(flat[of + k])] += 1
                else:
                    for k in range(np.uintp(width)):
                        at = begin + k // np.uintp(4) * pitch + k % np.uintp(4)
                        counts[at + np.uintp(4) * np.uintp(flat[of + k])] += 1
            if totals.size:
                for k in range(width):
                    at = begin + np.uintp(k // 4) * pitch + np.uintp(k % 4)
                    total = totals[first + k]
                    for code in range(np.uintp(256)):
                        total[code] += (counts[at + np.uintp(4) * code] - empty) & 255


@blocks_cpu
def multiply_counts(x, w, steps, sums, height, joint, strip, width, multiply, start, stop):
    """Add sums of products of counts for the tiles ``start`` to ``stop`` of codes of w.

    Args:
        x: Words of all positions, uint32 `(steps or more, pitch)`.
        w: Likewise.
        steps: Words of each code.
        sums: int32 `(256, 256)`; overwritten.
        height: Codes of x, whole strips.
        joint: int64 `(256, 256)`; added to.
        strip: Codes of x that are multiplied at once.
        width: Codes of w in a tile.
        multiply: Address of the piece that multiplies them, a `pair_multiplier`.
        start: First tile.
        stop: The one behind the last.
    """
    pitch, sums_pitch = 4 * w.shape[1], 4 * sums.shape[1]
    distances = np.arange(_STEPS) * pitch
    begins = np.empty(width, np.int32)
    bytes_of = np.uint32(0x00FF00FF)
    for tile in range(start, stop):
        at = tile * width
        begins[:] = 0
        for step in range(steps):
            row = w[step]
            for i in range(width):
                word = row[at + i]
                halves = (word & bytes_of) + ((word >> np.uint32(8)) & bytes_of)
                begins[i] += np.int32((halves + (halves >> np.uint32(16))) & np.uint32(0xFFFF)) << 7
        for first in range(0, steps, _STEPS):
            count = min(_STEPS, steps - first)
            one = address(w) + first * pitch + 4 * at
            columns = one, one + 2 * width, address(distances)
            for row in range(0, height, strip):
                target = address(sums) + row * sums_pitch + 4 * at
                before, before_pitch = target, sums_pitch
                if first == 0:
                    before, before_pitch = address(begins), 0
                words = address(x) + first * pitch + 4 * row
                results = before, before_pitch, target, sums_pitch
                call(multiply, (*columns, words, pitch, count, *results))
        for code in range(height if steps else 0):
            for i in range(width):
                joint[code, at + i] += sums[code, at + i]
