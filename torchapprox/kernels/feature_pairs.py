r"""Features of operand codes, packed in pairs as the product kernel multiplies them.

A code stands for r features, signed integers of 16 bits each, terms of a factorised table. Two of
them fill a word of 32 bits. Terms 2 j and 2 j + 1 of a channel's code share the word of plane

    channel * (r // 2) + j,

and where r is odd, the last terms of channels c and c + 1, c even, that of plane

    channels * (r // 2) + c // 2.

A channel's codes lie in the places of a plane, so that a plane holds every code's word once,
however many taps of a kernel read it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

# As that of `vector_memory`.
SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class PairTables:
    """The features of every code.

    Attributes:
        pairs: uint32 `(r // 2, 256)`, words of two terms.
        last: uint32 `(256,)`, the last term in the lower half of a word; empty where r is even.
        rank: Number of terms, r.
        flip: 0 or 128 where the only term is ``(code ^ flip) - flip``, the value of an unsigned or
            a signed code; else -1.
    """

    pairs: NDArray[np.uint32]
    last: NDArray[np.uint32]
    rank: int
    flip: int

    @classmethod
    def of(cls, features: NDArray[np.int64]) -> "PairTables | None":
        """Pack features `(r, 256)`; None where one needs more than 16 bits.

        Examples:
            >>> PairTables.of(np.arange(256)[None]).flip
            0
        """
        words = features.astype(np.int16)
        if not np.array_equal(words, features):
            return None
        low = words.view(np.uint16).astype(np.uint32)
        rank = len(words)
        even = rank // 2 * 2
        last = low[-1] if rank % 2 else np.zeros(0, np.uint32)
        codes = np.arange(256)
        flips = (
            flip for flip in (0, 128) if rank == 1 and ((codes ^ flip) - flip == features).all()
        )
        pairs = low[0:even:2] | low[1:even:2] << np.uint32(16)
        return cls(np.ascontiguousarray(pairs), np.ascontiguousarray(last), rank, next(flips, -1))

    def planes(self, channels: int) -> int:
        """Return the number of planes of some channels."""
        return channels * (self.rank // 2) + self.rank % 2 * -(-channels // 2)


@dataclass(frozen=True, slots=True)
class CodePlanes:
    """Codes of the operand that a product reads along positions.

    The code of group g, channel c, tap t and position m, which is element i of line l of an image,

        m = (image * L + l) * length + i,

    stands in one array of bytes at

        g * group_stride + c * channel_stride + image * image_stride
        + (lines[l] + taps[t] + i) * place_stride.

    Attributes:
        codes: uint8, one-dimensional.
        group_stride: Bytes from one group to the next.
        channel_stride: Bytes from one channel to the next.
        image_stride: Bytes from one image to the next.
        place_stride: Bytes from one place of a channel to the next.
        channels: Channels of a group.
        images: Number of images.
        taps: int64 `(T,)`, at least 0.
        lines: int64 `(L,)`, rising.
        length: Positions in a line.
    """

    codes: NDArray[np.uint8]
    group_stride: int
    channel_stride: int
    image_stride: int
    place_stride: int
    channels: int
    images: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int

    @property
    def positions(self) -> int:
        """Number of positions, M."""
        return self.images * len(self.lines) * self.length

    @classmethod
    def of_matrix(cls, codes: NDArray[np.uint8]) -> "CodePlanes":
        """Describe codes `(G, M, K)`, of which the last two axes may have changed places."""
        height, depth = codes.shape[1:]
        along = codes.strides[2] == 1 or not codes.mT.flags.c_contiguous
        memory: Any = np.ascontiguousarray(codes) if along else codes.mT
        channel, place = (1, depth) if along else (height, 1)
        zero = np.zeros(1, np.int64)
        strides = height * depth, channel, 0, place
        return cls(memory.reshape(-1), *strides, depth, 1, zero, zero, height)


@numba.njit(nogil=True)
def map_places(
    codes, origin, channel_stride, first, last, count, pairs, last_term, flip, planes, pitch
):
    """Fill planes of channels ``first`` to ``last`` where places are neighbours."""
    half = np.uintp(pairs.shape[0])
    # Unsigned, since Numba lets negative indices count from the end.
    pitch, size = np.uintp(pitch), np.uintp(count)
    for c in range(last - first):
        of = np.uintp(origin + (first + c) * channel_stride)
        for j in range(half):
            to, table = (np.uintp(c) * half + j) * pitch, pairs[j]
            for i in range(size):
                planes[to + i] = table[codes[of + i]]
    if last_term.size == 0:
        return
    to = np.uintp(last - first) * half * pitch
    for c in range(first, last, 2):
        of = np.uintp(origin + c * channel_stride)
        more = np.uintp(of + channel_stride)
        if c + 1 == last:
            for i in range(size):
                planes[to + i] = last_term[codes[of + i]]
        elif flip >= 0:
            f = np.int32(flip)
            for i in range(size):
                low = (np.int32(codes[of + i]) ^ f) - f
                high = (np.int32(codes[more + i]) ^ f) - f
                planes[to + i] = np.uint32(low & np.int32(0xFFFF)) | np.uint32(high) << np.uint32(
                    16
                )
        else:
            for i in range(size):
                planes[to + i] = last_term[codes[of + i]] | last_term[codes[more + i]] << np.uint32(
                    16
                )
        to += pitch


@numba.njit(nogil=True)
def map_vectors(codes, origin, place_stride, first, last, count, pairs, last_term, planes, pitch):
    """The same where channels are neighbours."""
    half = np.uintp(pairs.shape[0])
    pitch, channels = np.uintp(pitch), np.uintp(last - first)
    mixed = channels * half * pitch
    for i in range(np.uintp(count)):
        of = np.uintp(origin + first) + i * np.uintp(place_stride)
        for j in range(half):
            to, table = j * pitch + i, pairs[j]
            for c in range(channels):
                planes[to + c * half * pitch] = table[codes[of + c]]
        if last_term.size:
            to = mixed + i
            for c in range(np.uintp(0), channels - channels % np.uintp(2), np.uintp(2)):
                low, high = last_term[codes[of + c]], last_term[codes[of + c + np.uintp(1)]]
                planes[to] = low | high << np.uint32(16)
                to += pitch
            if channels % np.uintp(2):
                planes[to] = last_term[codes[of + channels - np.uintp(1)]]


@numba.njit(nogil=True)
def pack_rows(rows, origin, depth, taps, first, last, pairs, last_term, strips, target, height):
    """Fill a strip of rows, `(plane, tap, row)`, with the words of channels ``first`` to ``last``.

    The code of row i, channel c and tap t is ``rows[origin + i * depth + c * taps + t]``; the strip
    begins at ``target``.
    """
    half = np.uintp(pairs.shape[0])
    height, taps, channels = np.uintp(height), np.uintp(taps), np.uintp(last - first)
    even = channels - channels % np.uintp(2)
    for i in range(height):
        of = np.uintp(origin) + i * np.uintp(depth) + np.uintp(first) * taps
        for j in range(half):
            table, to = pairs[j], np.uintp(target) + j * taps * height + i
            for c in range(channels):
                for t in range(taps):
                    strips[to + t * height] = table[rows[of + c * taps + t]]
                to += half * taps * height
        if last_term.size == 0:
            continue
        to = np.uintp(target) + channels * half * taps * height + i
        for c in range(np.uintp(0), even, np.uintp(2)):
            for t in range(taps):
                low = last_term[rows[of + c * taps + t]]
                high = last_term[rows[of + (c + np.uintp(1)) * taps + t]]
                strips[to] = low | high << np.uint32(16)
                to += height
        if even < channels:
            for t in range(taps):
                strips[to] = last_term[rows[of + even * taps + t]]
                to += height
