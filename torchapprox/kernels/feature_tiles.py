"""The compiled part of the product of features; `feature_product` has the formula."""

from torchapprox.kernels.feature_pairs import map_places, map_vectors, pack_rows
from torchapprox.kernels.jit import CpuKernel, digest_of, jit_cpu
from torchapprox.kernels.pair_emitter import multiply_pairs
from torchapprox.kernels.pair_unit import PairUnit
from torchapprox.kernels.vector_memory import address
from torchapprox.kernels.vector_results import (
    write_reals,
    write_reals_transposed,
    write_sums,
    write_sums_transposed,
)

# Whose code becomes part of the kernel's.
_FILES = (
    "feature_pairs",
    "pair_emitter",
    "pair_unit",
    "sum_places",
    "vector_ir",
    "vector_memory",
    "vector_results",
)


def strip_packer() -> CpuKernel:
    """Return the kernel that packs the rows."""
    sources = digest_of(*_FILES)

    @jit_cpu
    def pack(rows, height, depth, channels, taps, pairs, last, strips, strip, at_once, start, stop):
        """Pack the strips numbered ``start`` to ``stop`` in the order (group, strip)."""
        _ = sources
        per_group = -(-height // strip)
        half, odd = pairs.shape[0], min(1, last.size)
        planes = channels * half + (channels + 1) // 2 * odd
        for item in range(start, stop):
            group, row = item // per_group, item % per_group * strip
            count = min(strip, height - row)
            origin = (group * height + row) * depth
            for first in range(0, channels, at_once):
                behind = min(channels, first + at_once)
                before = first * half + first // 2 * odd
                steps = ((behind - first) * half + (behind - first + 1) // 2 * odd) * taps
                target = height * (group * planes + before) * taps + row * steps
                pack_rows(
                    *(rows, origin, depth, taps, first, behind, pairs, last, strips, target, count)
                )

    return pack


def tile_filler(unit: PairUnit, rescaled: bool) -> CpuKernel:
    """Return the kernel for a unit and for sums or real numbers."""
    # Variables of this function, since only such constants are part of the key of Numba's cache.
    lanes, instruction = unit
    sources = digest_of(*_FILES)

    @jit_cpu
    def fill(
        strips,
        codes,
        group_stride,
        channel_stride,
        image_stride,
        place_stride,
        channels,
        taps,
        lines,
        length,
        pairs,
        last,
        flip,
        height,
        out,
        places,
        rescaling,
        scratch,
        size,
        per_image,
        tiles,
        slice_rows,
        slices,
        strip,
        at_once,
        start,
        stop,
    ):
        """Fill tasks ``start`` to ``stop``, numbered in the order (group, slice, tile)."""
        words, sums, zeros, distances = scratch
        half, odd = pairs.shape[0], min(1, last.size)
        planes = channels * half + (channels + 1) // 2 * odd
        positions = tiles // per_image * lines.size * length
        reach = 0
        for tap in taps:
            reach = max(reach, tap)
        for task in range(start, stop):
            group = task // (tiles * slices)
            first_row = task // tiles % slices * slice_rows
            last_row = min(height, first_row + slice_rows)
            image, part = task % tiles // per_image, task % per_image
            if lines.size == 1:
                begin, end = part * size, min(length, (part + 1) * size)
                first_line, last_line = 0, 1
            else:
                begin, end = 0, length
                first_line, last_line = part * size, min(lines.size, (part + 1) * size)
            here = lines[first_line]
            count = lines[last_line - 1] - here + reach + end - begin
            pitch = ((count + lanes - 1) // 16 // 2 * 2 + 1) * 16
            if pitch < count + lanes:
                pitch += 32
            origin = group * group_stride + image * image_stride + (here + begin) * place_stride
            by_line = -(-(end - begin) // lanes)
            vectors = (last_line - first_line) * by_line
            width = (vectors + vectors % 2) * lanes  # an odd one is multiplied twice
            block = max(1, sums.size // width // strip) * strip
            for upper in range(first_row, last_row, block):
                lower = min(last_row, upper + block)
                if planes == 0:
                    sums[: (lower - upper) * width] = 0
                for first in range(0, channels if planes else 0, at_once):
                    behind = min(channels, first + at_once)
                    used = (behind - first) * half + (behind - first + 1) // 2 * odd
                    steps = used * taps.size
                    if at_once < channels or upper == first_row:
                        if place_stride == 1:
                            map_places(
                                *(codes, origin, channel_stride, first, behind, count),
                                *(pairs, last, flip, words, pitch),
                            )
                        else:
                            map_vectors(
                                *(codes, origin, place_stride, first, behind, count),
                                *(pairs, last, words, pitch),
                            )
                        for plane in range(used):
                            for t in range(taps.size):
                                distances[plane * taps.size + t] = 4 * (plane * pitch + taps[t])
                    earlier = first * half + first // 2 * odd
                    packed = address(strips) + 4 * (
                        height * (group * planes + earlier) * taps.size + upper * steps
                    )
                    for vector in range(0, vectors, 2):
                        also = min(vector + 1, vectors - 1)
                        line, other = vector // by_line, also // by_line
                        place = lines[first_line + line] - here + vector % by_line * lanes
                        origin_one = address(words) + 4 * place
                        place = lines[first_line + other] - here + also % by_line * lanes
                        origin_two = address(words) + 4 * place
                        for row in range(upper, lower, strip):
                            target = address(sums) + 4 * ((row - upper) * width + vector * lanes)
                            before, before_pitch = address(zeros), 0
                            if first > 0:
                                before, before_pitch = target, 4 * width
                            words_of_rows = packed + 4 * (row - upper) * steps
                            operands = origin_one, origin_two, address(distances), words_of_rows
                            results = before, before_pitch, target, 4 * width
                            height_of_strip = min(strip, lower - row)
                            addresses = (*operands, steps, *results)
                            multiply_pairs(lanes, instruction, sources, height_of_strip, addresses)
                for line in range(first_line, last_line):
                    m = (image * lines.size + line) * length
                    of_line = sums[(line - first_line) * by_line * lanes :]
                    tile = of_line, width, out, places, length, group, upper, lower
                    others = m + begin, m + end, rescaling, group * height, group * positions
                    if places.step == 1:
                        if rescaled:
                            write_reals(*tile, *others)
                        else:
                            write_sums(*tile, *others)
                    elif rescaled:
                        write_reals_transposed(*tile, *others)
                    else:
                        write_sums_transposed(*tile, *others)

    return fill
