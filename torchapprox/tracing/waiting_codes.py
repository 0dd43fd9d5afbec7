"""Codes of small batches, kept until there are enough of them to count at once."""

from collections.abc import Callable

import numpy as np

from torchapprox.operators.observed_codes import Codes, ObservedCodes

ROWS_AT_ONCE = 512
"""Rows that are counted at once: as many codes at each input position as there are bytes of its
counts that a pass over them writes, or half as many."""


class WaitingCodes:
    """Hands codes on to be counted, those of small batches together.

    Counting touches all counts of an input position, 1 KB of them, however few codes there are:
    where images or batches are small, that takes far longer than reading the codes. They wait in
    at most `ROWS_AT_ONCE` bytes for each input position, or one batch.

    Args:
        count: Counts codes.

    Examples:
        >>> from torchapprox.operators.observed_codes import MatrixCodes
        >>> counted = []
        >>> waiting = WaitingCodes(lambda codes: counted.append(codes.rows))
        >>> for _ in range(5):
        ...     waiting.add(MatrixCodes(np.zeros((200, 3), np.uint8), 1))
        >>> counted
        [600]
        >>> waiting.count()
        >>> counted
        [600, 400]
    """

    def __init__(self, count: Callable[[ObservedCodes], None]) -> None:
        self._count = count
        self._like: ObservedCodes | None = None
        self._room: Codes = np.zeros((0, 0), np.uint8)
        self._samples = 0

    def add(self, codes: ObservedCodes) -> None:
        """Count codes, or keep a copy of them until there are more or `count` is called."""
        batch = len(codes.codes)
        if not batch:
            return
        if codes.rows >= ROWS_AT_ONCE:
            self._count(codes)
            return
        if self._like is None or self._like.layout != codes.layout:
            self.count()
            batches = -(-ROWS_AT_ONCE // max(1, codes.rows))
            self._like = codes
            self._room = np.empty((batches * batch, *codes.codes.shape[1:]), np.uint8)
        if self._samples + batch > len(self._room):
            self.count()
            if batch > len(self._room):
                self._count(codes)
                return
        self._room[self._samples : self._samples + batch] = codes.codes
        self._samples += batch
        if self._samples == len(self._room):
            self.count()

    def count(self) -> None:
        """Count what waits."""
        if self._like is not None and self._samples:
            self._count(self._like.with_codes(self._room[: self._samples]))
        self._samples = 0
