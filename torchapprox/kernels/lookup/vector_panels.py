"""Codes for the vector look-up kernel, gathered into a panel.

Pieces of one signature: the product; the panel, ``count`` of whose positions are filled, ``pitch``
bytes from one step to the next; where each piece of one line begins in the tile (``first``) and in
the codes (``source``); the greatest of the steps' taps (``reach``); the steps that are gathered.
They say in ``distances`` where the steps' lines begin in the panel.
"""

from functools import cache

import numpy as np

from torchapprox.kernels.compiling.piece import Piece, piece_cpu
from torchapprox.kernels.compiling.vector_memory import address, copy_bytes, elements
from torchapprox.kernels.lookup.lookup_vector import LookupTiles
from torchapprox.kernels.lookup.vbmi_transpose import transpose_codes

_POINTERS = {
    "product": LookupTiles,
    "first": np.int64,
    "source": np.int64,
    "distances": np.int64,
}


@piece_cpu(**_POINTERS)
def gather_lines(
    product, panel, pitch, count, first, source, pieces, reach, step, steps, distances
):
    """Copy lines whose positions are neighbours, 16, 32 or 64 codes at a time.

    What is copied may reach beyond its piece: into the next piece, which is copied later, or into
    the spare register at the end of the panel's line.
    """
    codes, taps = product.lines.codes, elements(product.lines.taps, np.int64)
    for piece in range(pieces):
        begin, origin = first[piece], source[piece]
        end = first[piece + 1] if piece + 1 < pieces else count
        for chunk in range(0, end - begin, 64):
            where = origin + chunk
            target = begin + chunk
            to, of = panel + target, codes + where
            if where + reach + 64 > product.size:
                for k in range(steps):
                    for i in range(min(64, end - target)):
                        copy_bytes(1, to + k * pitch + i, of + taps[step + k] + i)
            elif end - target <= 16:
                for k in range(steps):
                    copy_bytes(16, to + k * pitch, of + taps[step + k])
            elif end - target <= 32:
                for k in range(steps):
                    copy_bytes(32, to + k * pitch, of + taps[step + k])
            else:
                for k in range(steps):
                    copy_bytes(64, to + k * pitch, of + taps[step + k])
    for k in range(steps):
        distances[k] = k * pitch


@cache
def vector_gatherer(chunks: int) -> Piece:
    """Return what transposes codes that lie one position after another, with AVX-512 VBMI.

    Args:
        chunks: As of `transpose_codes`; positions are at least 16 times as many codes apart.
    """
    chunk = 16 * chunks

    @piece_cpu(**_POINTERS)
    def gather_vectors(
        product, panel, pitch, count, first, source, pieces, reach, step, steps, distances
    ):
        stride = product.lines.stride
        # Whole chunks are transposed; the last one overlaps the one before it, or, in a short
        # panel, codes before the first step.
        early = max(0, chunk - steps)
        for begin in range(0, count, 64):
            # The distances of positions, until those of steps are due.
            for lane in range(64):
                distances[lane] = min(lane, count - begin - 1) * stride
            origin = product.lines.codes + source[0] + begin * stride + step - early
            for k in range(0, early + steps, chunk):
                line = min(k, early + steps - chunk)
                to = panel + begin + line * pitch
                transpose_codes(
                    chunks, to, pitch, origin + line, address(distances), product.memory.exchanges
                )
        for k in range(steps):
            distances[k] = (early + k) * pitch

    return gather_vectors


@piece_cpu(panel=np.uint8, **_POINTERS)
def gather_vectors_singly(
    product, panel, pitch, count, first, source, pieces, reach, step, steps, distances
):
    """Transpose them on any CPU."""
    codes, stride = elements(product.lines.codes, np.uint8), product.lines.stride
    origin = source[0] + step
    for begin in range(0, count, 64):
        some = min(64, count - begin)
        for k in range(steps):
            of, to = origin + begin * stride + k, k * pitch + begin
            for m in range(some):
                panel[to + m] = codes[of]
                of += stride  # not a product, since LLVM would gather vectors, at half the speed
    for k in range(steps):
        distances[k] = k * pitch


def gatherer(kernel: str, stride: int) -> Piece:
    """Return what gathers the codes of positions that are ``stride`` apart."""
    if stride == 1:
        return gather_lines
    if kernel != "vbmi" or stride < 16:
        return gather_vectors_singly
    return vector_gatherer(4 if stride >= 64 else 1)
