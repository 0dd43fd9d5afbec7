"""Random numbers that the samples of all layers of a trace share."""

import threading
from collections import OrderedDict
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_BLOCKS = 8  # a network has few sizes of layers; each block takes 8 bytes a row
_WIDER = 4.0  # samples of other sizes have other bounds


class KeyStream:
    """The stream of ``numpy.random.default_rng(seed).random``, for readers at places of their own.

    Layers of a network look at equally many rows, one after another, and layers of one seed draw
    equal numbers: blocks that were drawn last are handed out again, and so are the small numbers
    that were found in them.

    Args:
        seed: Seed of the stream.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)
        self._source = np.random.Generator(self._bits)
        self._at = 0
        self._blocks: OrderedDict[tuple[int, int], _Block] = OrderedDict()
        self._lock = threading.Lock()

    def below(self, start: int, count: int, bound: float) -> tuple[Indices, Keys]:
        """Look at numbers ``start`` to ``start + count`` of the stream.

        Returns:
            Where those below the bound are, from ``start`` on, ascending, and they.
        """
        with self._lock:
            found = self._blocks.get((start, count))
            if found is None:
                found = self._blocks[start, count] = _Block(self._draw(start, count))
                if len(self._blocks) > _BLOCKS:
                    self._blocks.popitem(last=False)
            else:
                self._blocks.move_to_end((start, count))
            return found.below(bound)

    def _draw(self, start: int, count: int) -> Keys:
        if start != self._at:
            # One step for each number, modulo the generator's period.
            self._bits.advance((start - self._at) % 2**128)
        self._at = start + count
        return self._source.random(count)


class _Block:
    """Numbers that follow each other, and the small ones among them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._places: Indices = np.arange(0)
        self._small = keys[:0]
        self._limit = 0.0

    def below(self, bound: float) -> tuple[Indices, Keys]:
        if bound > self._limit:
            self._limit = _WIDER * bound
            self._places = np.flatnonzero(self._keys < self._limit)
            self._small = self._keys[self._places]
        chosen = self._small < bound
        return self._places[chosen], self._small[chosen]


class KeyReader:
    """Reads the stream of a seed from its beginning, as a generator does.

    Args:
        seed: Seed of the stream.

    Examples:
        >>> reader, generator = KeyReader(3), np.random.default_rng(3)
        >>> for count in (5, 2, 1):
        ...     places, keys = reader.below(count, 0.5)
        ...     numbers = generator.random(count)
        ...     assert (places == np.flatnonzero(numbers < 0.5)).all()
        ...     assert (keys == numbers[places]).all()
    """

    def __init__(self, seed: int) -> None:
        with _lock:
            self._stream = _streams.get(seed) or _streams.setdefault(seed, KeyStream(seed))
        self._at = 0

    def below(self, count: int, bound: float) -> tuple[Indices, Keys]:
        """Look at the next numbers, uniform in [0, 1).

        Args:
            count: How many.
            bound: Which of them count.

        Returns:
            Where those below the bound are among them, ascending, and they, float64.
        """
        found = self._stream.below(self._at, count, bound)
        self._at += count
        return found


_streams: WeakValueDictionary[int, KeyStream] = WeakValueDictionary()
_lock = threading.Lock()
