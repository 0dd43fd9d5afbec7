"""The compiled part of joint counts; `joint_histogram_cpu` has the formula and the layout."""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.jit import jit_cpu
from torchapprox.kernels.compiling.vector_memory import address, call
from torchapprox.kernels.threads.blocks import BlockKernel, blocks_cpu

_STEPS = 64  # that are multiplied at once, whose words stay in the second-level cache


@cache
def share_counter(share: int) -> BlockKernel:
    """Return what counts codes in words that several positions share.

    Args:
        share: How many do, 2 or 4.
    """
    # A variable of this function, since the compiler knows only such a constant.
    apart = np.uintp(share)

    @blocks_cpu
    def count(codes, empty, counts, words, totals, start, stop):
        """Count strips ``start`` to ``stop`` of 16 positions in all matrices.

        Args:
            codes: uint8 `(G, M, K)`.
            empty: What stands for the count 0.
            counts: The parts of the words, uint16 or uint8, one-dimensional; overwritten.
            words: The same memory, uint32 `(steps or more, pitch)`.
            totals: int64 `(K, 256)`, counts of all matrices that are added to, or of no positions.
            start: First strip.
            stop: The one behind the last.
        """
        matrices, height, depth = codes.shape
        flat, steps = codes.reshape(-1), (depth + share - 1) // share
        pitch = apart * np.uintp(words.shape[1])
        sums = np.empty((16, 256), np.uint32)
        # Halves of sums hold those of as many matrices.
        at_once = 65535 // max(1, height)
        for strip in range(start, stop):
            first = strip * 16
            width = min(16, depth - first)
            here = (width + share - 1) // share
            for matrix in range(matrices):
                step = matrix * steps + first // share
                begin = np.uintp(step) * pitch
                counts[begin : begin + np.uintp(here) * pitch] = empty
                for m in range(height):
                    of = np.uintp((matrix * height + m) * depth + first)
                    if width == 16:
                        for k in range(np.uintp(16)):
                            at = begin + k // apart * pitch + k % apart
                            counts[at + apart * np.uintp(flat[of + k])] += 1
                    else:
                        for k in range(np.uintp(width)):
                            at = begin + k // apart * pitch + k % apart
                            counts[at + apart * np.uintp(flat[of + k])] += 1
                if totals.size:
                    if matrix % at_once == 0:
                        sums[:] = 0
                    _add_words(words, step, here, empty, share, sums)
                    if (matrix + 1) % at_once == 0 or matrix + 1 == matrices:
                        _add_halves(sums, first, width, share, totals)

    return count


@jit_cpu
def _add_words(words, step, steps, empty, share, sums):
    """Add counts of some steps, two of one step to a row: those of 16 bits, or every other byte."""
    zeros = np.uint32(empty * 0x01010101)
    every_other = np.uint32(0x00FF00FF)
    for i in range(steps):
        row = words[step + i]
        if share == 2:
            for code in range(np.uintp(256)):
                sums[i, code] += row[code]
        else:
            for code in range(np.uintp(256)):
                word = row[code] ^ zeros
                sums[2 * i, code] += word & every_other
                sums[2 * i + 1, code] += (word >> np.uint32(8)) & every_other


@jit_cpu
def _add_halves(sums, first, width, share, totals):
    """Add the counts of as many positions as there are."""
    for k in range(width):
        # Where words have four counts, the first and the third are halves of one sum.
        row = k // 2 if share == 2 else k // 4 * 2 + k % 2
        bits = np.uint32(16 * (k % 2 if share == 2 else k // 2 % 2))
        total = totals[first + k]
        for code in range(np.uintp(256)):
            total[code] += (sums[row, code] >> bits) & np.uint32(0xFFFF)


@blocks_cpu
def multiply_counts(x, w, steps, sums, height, joint, strip, width, empty, multiply, start, stop):
    """Add sums of products of counts for the tiles ``start`` to ``stop`` of codes of w.

    Args:
        x: Words of all positions, uint32 `(steps or more, pitch)`.
        w: Likewise.
        steps: Words of each code.
        sums: int32 `(258, 256)`; overwritten.
        height: Codes of x, whole strips.
        joint: int64 `(256, 256)`; added to.
        strip: Codes of x that are multiplied at once.
        width: Codes of w in a tile.
        empty: What stands for the count 0 in x; words have four counts each where it is not 0.
        multiply: Address of the piece that multiplies them, a `pair_multiplier`.
        start: First tile.
        stop: The one behind the last.
    """
    pitch, sums_pitch = 4 * w.shape[1], 4 * sums.shape[1]
    distances = np.arange(_STEPS) * pitch
    left, right = start * width, stop * width
    begins = np.zeros(right - left, np.int32)
    if empty:
        _sum_bytes(w, steps, left, begins)
    for first in range(0, steps, _STEPS):
        count = min(_STEPS, steps - first)
        for at in range(left, right, width):
            one = address(w) + first * pitch + 4 * at
            columns = one, one + 2 * width, address(distances)
            for row in range(0, height, strip):
                target = address(sums) + row * sums_pitch + 4 * at
                before, before_pitch = target, sums_pitch
                if first == 0:
                    before, before_pitch = address(begins) + 4 * (at - left), 0
                words = address(x) + first * pitch + 4 * row
                results = before, before_pitch, target, sums_pitch
                call(multiply, (*columns, words, 4, pitch, count, 0, *results))
    for code in range(min(height, 256) if steps else 0):
        for at in range(left, right):
            joint[code, at] += sums[code, at]


@jit_cpu
def _sum_bytes(w, steps, left, begins):
    """Fill what sums begin with where counts of x are less by 128."""
    every_other = np.uint32(0x00FF00FF)
    for step in range(steps):
        row = w[step]
        for i in range(len(begins)):
            word = row[left + i]
            halves = (word & every_other) + ((word >> np.uint32(8)) & every_other)
            begins[i] += np.int32((halves + (halves >> np.uint32(16))) & np.uint32(0xFFFF)) << 7
