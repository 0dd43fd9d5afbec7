"""What the compiled parts of the product of features take: tables of words, and rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CodeWords(NamedTuple):
    """The words of codes, of `PairTables` or `ByteTables`.

    Attributes:
        half: Planes of each channel.
        odd: Planes of ``share`` channels beside these.
        share: Features in a word.
        pairs: Of the tables.
        halves: Of the tables that codes lie in: 1 where all are below 128, else 2.
        last: Of the tables.
        flip: Of the tables.
        least: Of `ByteTables`; empty for pairs.
        shifted: Of `ByteTables`; false for pairs.
        narrow: Of `ByteTables`; 0 for pairs.
    """

    half: int
    odd: int
    share: int
    pairs: NDArray[np.uint32]
    halves: int
    last: NDArray[np.uint32]
    flip: int
    least: NDArray[np.int64]
    shifted: bool
    narrow: int


class RowPacking(NamedTuple):
    """Rows and where their words go.

    Attributes:
        rows: uint8 `(G, R, channels * taps)`; the last axis is (channel, tap).
        words: Of the rows' codes.
        height: R.
        channels: Number of channels.
        taps: Number of taps.
        packed: uint32; overwritten.
        starts: int32 `(G * R,)`, what each row's sums begin with, overwritten where the words are
            shifted; else empty.
        at_once: Channels that are multiplied at a time.
    """

    rows: NDArray[np.uint8]
    words: CodeWords
    height: int
    channels: int
    taps: int
    packed: NDArray[np.uint32]
    starts: NDArray[np.int32]
    at_once: int
