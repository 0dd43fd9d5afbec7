"""Random numbers that the samples of all layers of a trace share."""

import threading
from collections import OrderedDict
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.float64]

_BLOCKS = 8  # a network has few sizes of layers; each block takes 8 bytes a row


class KeyStream:
    """The stream of ``numpy.random.default_rng(seed).random``, for readers at places of their own.

    Layers of a network look at equally many rows, one after another, and layers of one seed draw
    equal numbers: blocks that were drawn last are handed out again.

    Args:
        seed: Seed of the stream.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)
        self._source = np.random.Generator(self._bits)
        self._at = 0
        self._blocks: OrderedDict[tuple[int, int], Keys] = OrderedDict()
        self._lock = threading.Lock()

    def block(self, start: int, count: int) -> Keys:
        """Return numbers ``start`` to ``start + count`` of the stream, not to be written."""
        with self._lock:
            found = self._blocks.get((start, count))
            if found is None:
                if start != self._at:
                    # One step for each number, modulo the generator's period.
                    self._bits.advance((start - self._at) % 2**128)
                found = self._source.random(count)
                found.flags.writeable = False
                self._at = start + count
                self._blocks[start, count] = found
                if len(self._blocks) > _BLOCKS:
                    self._blocks.popitem(last=False)
            else:
                self._blocks.move_to_end((start, count))
            return found


class KeyReader:
    """Reads the stream of a seed from its beginning, as a generator does.

    Args:
        seed: Seed of the stream.

    Examples:
        >>> one, other = KeyReader(3), np.random.default_rng(3)
        >>> for count in (5, 2, 1):
        ...     assert (one.random(count) == other.random(count)).all()
    """

    def __init__(self, seed: int) -> None:
        with _lock:
            self._stream = _streams.get(seed) or _streams.setdefault(seed, KeyStream(seed))
        self._at = 0

    def random(self, count: int) -> Keys:
        """Return the next numbers, uniform in [0, 1), float64 `(count,)`, not to be written."""
        keys = self._stream.block(self._at, count)
        self._at += count
        return keys


_streams: WeakValueDictionary[int, KeyStream] = WeakValueDictionary()
_lock = threading.Lock()
