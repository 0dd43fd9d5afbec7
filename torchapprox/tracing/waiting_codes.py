"""Codes of small batches, kept until there are enough of them to look at."""

from collections.abc import Callable

import numpy as np

from torchapprox.operators.observed_codes import Codes, ObservedCodes

BYTES_PER_POSITION = 512
"""Codes that may wait for each input position: half as many as there are bytes of its counts, which
a pass over them reads and writes."""

BYTES = 2**20
"""Codes that may wait, however few positions there are; as many as the caches of most CPUs hold."""


class WaitingCodes:
    """Hands codes on, those of several small batches together.

    Counting touches all counts of an input position, 1 KB of them, however few codes there are,
    and what takes rows of them looks for these in Python: where images or batches are small, that
    takes far longer than reading the codes. They wait in at most `BYTES_PER_POSITION` bytes for
    each input position or `BYTES` bytes, whichever is more, or one batch.

    Args:
        look: Gets codes.

    Examples:
        >>> from torchapprox.operators.observed_codes import MatrixCodes
        >>> seen = []
        >>> waiting = WaitingCodes(lambda codes: seen.append(codes.rows))
        >>> for _ in range(5):
        ...     waiting.add(MatrixCodes(np.zeros((200, 2000), np.uint8), 1))
        >>> seen
        [400, 400]
        >>> waiting.hand_on()
        >>> seen
        [400, 400, 200]
    """

    def __init__(self, look: Callable[[ObservedCodes], None]) -> None:
        self._look = look
        self._like: ObservedCodes | None = None
        self._layout: tuple[object, ...] = ()
        self._room: Codes = np.zeros((0, 0), np.uint8)
        self._samples = 0

    def add(self, codes: ObservedCodes) -> None:
        """Hand codes on, or keep a copy of them until there are more or `hand_on` is called."""
        batch = len(codes.codes)
        if not batch:
            return
        layout = codes.layout
        if self._like is None or self._layout != layout:
            self.hand_on()
            self._layout = layout
            most = max(BYTES_PER_POSITION * codes.positions, BYTES)
            batches = most // max(1, codes.codes.nbytes)
            self._like = codes.with_codes(codes.codes[:0])
            samples = batches * batch if batches > 1 else 0
            self._room = np.empty((samples, *codes.codes.shape[1:]), np.uint8)
        if self._samples + batch > len(self._room):
            self.hand_on()
            if batch > len(self._room):
                self._look(codes)
                return
        self._room[self._samples : self._samples + batch] = codes.codes
        self._samples += batch
        if self._samples == len(self._room):
            self.hand_on()

    def hand_on(self) -> None:
        """Hand on what waits."""
        if self._like is not None and self._samples:
            self._look(self._like.with_codes(self._room[: self._samples]))
        self._samples = 0
