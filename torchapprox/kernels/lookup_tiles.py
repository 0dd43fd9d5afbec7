"""The compiled part of the vector look-up kernel; `lookup_vector` has the formula."""

from torchapprox.kernels.accumulate_lines import accumulate_lines
from torchapprox.kernels.code_lines import DEPTH, IN_PLACE_ROWS
from torchapprox.kernels.jit import CpuKernel, digest_of, jit_cpu
from torchapprox.kernels.vector_memory import address
from torchapprox.kernels.vector_panels import (
    gather_lines,
    gather_vectors,
    gather_vectors_singly,
)
from torchapprox.kernels.vector_results import (
    write_reals,
    write_reals_transposed,
    write_sums,
    write_sums_transposed,
)

# Whose code becomes part of the kernel's.
_FILES = (
    "accumulate_lines",
    "avx2_emitter",
    "avx512bw_emitter",
    "code_lines",
    "sum_places",
    "table_planes",
    "vbmi_emitter",
    "vbmi_transpose",
    "vector_emitter",
    "vector_ir",
    "vector_memory",
    "vector_panels",
    "vector_results",
)


def tile_filler(kernel: str, halves: int, bits: int, rescaled: bool) -> CpuKernel:
    """Return the kernel for a table's shape and for sums or real numbers."""
    # Numba leaves out what a condition on these excludes.
    transposes, one_by_one = kernel == "vbmi", kernel == "avx2"
    # A variable of this function, since only such constants are part of the key of Numba's cache.
    sources = digest_of(*_FILES)

    @jit_cpu
    def fill(
        entries,
        bias,
        rows,
        codes,
        group_stride,
        taps,
        lines,
        length,
        stride,
        out,
        places,
        rescaling,
        scratch,
        registers,
        block_rows,
        start,
        stop,
    ):
        """Fill tasks ``start`` to ``stop``, numbered in the order (group, block of rows, tile)."""
        panel, sums, zeros, (first, source, distances), exchanges = scratch
        _, height, depth = rows.shape
        positions = lines.size * length
        reach = 0  # farthest of a step's codes from those of the first one
        for tap in taps:
            reach = max(reach, tap)
        parts = max(1, -(-depth // DEPTH))
        part = max(1, -(-depth // parts))
        tiles = -(-positions // (registers * 64))
        blocks = -(-height // block_rows)
        for task in range(start, stop):
            group = task // (tiles * blocks)
            first_row = task // tiles % blocks * block_rows
            last_row = min(height, first_row + block_rows)
            begin = task % tiles * registers * 64
            end = min(positions, begin + registers * 64)
            used = -(-(end - begin) // 64)  # the last tile may need fewer registers
            width = used * 64
            pitch = width + 64
            base = group * group_stride
            # The tile in pieces of one line each: where they begin in the tile and in the codes.
            pieces = 0
            m = begin
            while m < end:
                first[pieces] = m - begin
                source[pieces] = base + lines[m // length] + m % length * stride
                pieces += 1
                m = (m // length + 1) * length
            in_place = (
                stride == 1
                and pieces == 1
                and last_row - first_row < IN_PLACE_ROWS
                and source[0] + reach + width <= codes.size
            )
            # A tile that is one piece of the result goes there at once.
            line, i = begin // length, begin % length
            direct = (
                not rescaled
                and places.step == 1
                and pieces == 1
                and depth > 0
                and begin + width == end
                and i % places.pitch + width <= places.kept
            )
            place = places.lines[line] + i // places.pitch * places.kept + i % places.pitch
            place = address(out) + 4 * (group * places.group + place)
            if depth == 0:
                sums[: (last_row - first_row) * width] = 0
            for step in range(0, depth, part):
                steps = min(part, depth - step)
                if in_place:
                    origin = address(codes) + source[0]
                    distance = address(taps) + 8 * step
                else:
                    early = 0
                    if stride == 1:
                        gather_lines(
                            *(panel, pitch, end - begin, first, source, pieces),
                            *(codes, taps, reach, step, steps),
                        )
                    elif transposes:
                        early = gather_vectors(
                            *(panel, pitch, end - begin, codes, source[0], stride),
                            *(step, steps, distances, exchanges),
                        )
                    else:
                        gather_vectors_singly(
                            *(panel, pitch, end - begin, codes, source[0], stride, step, steps)
                        )
                    for k in range(steps):
                        distances[k] = (early + k) * pitch
                    origin = address(panel)
                    distance = address(distances)
                for row in range(first_row, last_row):
                    chosen = address(rows) + (group * height + row) * depth + step
                    target = address(sums) + (row - first_row) * width * 4
                    before = target if step else address(zeros)
                    if direct and step + steps == depth:
                        target = place + 4 * row * places.row
                    tables = address(entries), address(bias), chosen, steps
                    addresses = (*tables, origin, distance, before, target)
                    if one_by_one:
                        for register in range(used):
                            further = origin + 64 * register, distance
                            sums_of_it = before + 256 * register, target + 256 * register
                            accumulate_lines(
                                kernel, 1, halves, bits, sources, (*tables, *further, *sums_of_it)
                            )
                    elif used == 4:
                        accumulate_lines(kernel, 4, halves, bits, sources, addresses)
                    elif used == 3:
                        accumulate_lines(kernel, 3, halves, bits, sources, addresses)
                    elif used == 2:
                        accumulate_lines(kernel, 2, halves, bits, sources, addresses)
                    else:
                        accumulate_lines(kernel, 1, halves, bits, sources, addresses)
            if direct:
                continue
            tile = sums, width, out, places, length, group, first_row, last_row, begin, end
            channels = rescaling, group * height, group * positions
            if places.step == 1:
                if rescaled:
                    write_reals(*tile, *channels)
                else:
                    write_sums(*tile, *channels)
            elif rescaled:
                write_reals_transposed(*tile, *channels)
            else:
                write_sums_transposed(*tile, *channels)

    return fill
