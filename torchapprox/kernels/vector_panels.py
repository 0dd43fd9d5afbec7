"""Codes for the vector look-up kernel, gathered into a panel."""

import numba
import numpy as np

from torchapprox.kernels.vbmi_transpose import transpose_codes
from torchapprox.kernels.vector_memory import address, copy_bytes


@numba.njit(nogil=True)
def gather_lines(panel, pitch, count, first, source, pieces, codes, taps, reach, step, steps):
    """Copy the pieces of each step's line into the panel, 16, 32 or 64 codes at a time.

    What is copied may reach beyond its piece: into the next piece, which is copied later, or into
    the spare register at the end of the panel's line.
    """
    for piece in range(pieces):
        begin, origin = first[piece], source[piece]
        end = first[piece + 1] if piece + 1 < pieces else count
        for chunk in range(0, end - begin, 64):
            where = origin + chunk
            target = begin + chunk
            if where + reach + 64 <= codes.size:
                to, of = address(panel) + target, address(codes) + where
                if end - target <= 16:
                    for k in range(steps):
                        copy_bytes(16, to + k * pitch, of + taps[step + k])
                elif end - target <= 32:
                    for k in range(steps):
                        copy_bytes(32, to + k * pitch, of + taps[step + k])
                else:
                    for k in range(steps):
                        copy_bytes(64, to + k * pitch, of + taps[step + k])
            else:
                for k in range(steps):
                    for i in range(min(64, end - target)):
                        panel[k * pitch + target + i] = codes[where + taps[step + k] + i]


@numba.njit(nogil=True)
def gather_vectors(panel, pitch, count, codes, origin, stride, step, steps, distances, exchanges):
    """Transpose codes that lie one position after another into the panel, with AVX-512 VBMI.

    Returns:
        How many lines of earlier steps come before that of the first one.
    """
    if stride < 16:
        for m in range(count):
            for k in range(steps):
                panel[k * pitch + m] = codes[origin + m * stride + k]
        return 0
    # Whole chunks are transposed; the last one overlaps the one before it, or, in a short panel,
    # codes before the first step.
    chunk = 64 if stride >= 64 else 16
    early = max(0, chunk - steps)
    for begin in range(0, count, 64):
        for lane in range(64):
            distances[lane] = min(lane, count - begin - 1) * stride
        source = address(codes) + origin + begin * stride + step - early
        target = address(panel) + begin
        for k in range(0, early + steps, chunk):
            first = min(k, early + steps - chunk)
            to, of = target + first * pitch, source + first
            if chunk == 64:
                transpose_codes(4, to, pitch, of, address(distances), address(exchanges))
            else:
                transpose_codes(1, to, pitch, of, address(distances), address(exchanges))
    return early


@numba.njit(nogil=True)
def gather_vectors_singly(panel, pitch, count, codes, origin, stride, step, steps):
    """Transpose them on any CPU; see `gather_vectors`."""
    # Unsigned, since Numba lets negative indices count from the end.
    for first in range(0, count, 64):
        for k in range(np.uintp(steps)):
            of, to = np.uintp(origin + step) + k, k * np.uintp(pitch)
            for m in range(np.uintp(first), np.uintp(min(first + 64, count))):
                panel[to + m] = codes[of + m * np.uintp(stride)]
