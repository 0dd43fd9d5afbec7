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
        last: Of the tables.
        flip: Of the tables.
        begins: Of `ByteTables`; empty for pairs.
        shifted: Of `ByteTables`; false for pairs.
    """

    half: int
    odd: int
    share: int
    pairs: NDArray[np.uint32]
    last: NDArray[np.uint32]
    flip: int
    begins: NDArray[np.int64]
    shifted: bool


class RowStrips(NamedTuple):
    """Rows and where their words go.

    Attributes:
        rows: uint8 `(G, R, channels * taps)`; the last axis is (channel, tap).
        words: Of the rows' codes.
        height: R.
        channels: Number of channels.
        taps: Number of taps.
        strips: uint32; overwritten.
        starts: int32 `(G * R,)`, what each row's sums begin with, overwritten where the words are
            shifted; else empty.
        strip: Rows of a strip.
        at_once: Channels that are multiplied at a time.
    """

    rows: NDArray[np.uint8]
    words: CodeWords
    height: int
    channels: int
    taps: int
    strips: NDArray[np.uint32]
    starts: NDArray[np.int32]
    strip: int
    at_once: int
