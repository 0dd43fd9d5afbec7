"""A uniform sample of a stream of unknown length."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Keys = npt.NDArray[np.float64]


class KeySource(Protocol):
    """A stream of random numbers, uniform in [0, 1)."""

    def below(self, count: int, bound: float) -> tuple[Indices, Keys]:
        """Look at the next numbers.

        Args:
            count: How many.
            bound: Which of them count.

        Returns:
            Where those below the bound are among them, ascending, and they, float64.
        """


class Reservoir:
    """Decides which items of a stream to keep, so that each is as likely as any other.

    Every item gets a random key, and the items with the smallest keys stay: a sample without
    replacement that does not depend on how the stream is cut into batches. A quarter more is kept
    for the time being, so that the smallest keys are not sought for every few items.

    Args:
        size: Number of items to keep, at least 1.
        source: Source of the keys.

    Attributes:
        places: Number of places for items.

    Examples:
        >>> from torchapprox.tracing.key_stream import KeyReader
        >>> reservoir = Reservoir(2, KeyReader(0))
        >>> items, places = reservoir.offer(2)
        >>> items.tolist(), sorted(places.tolist())
        ([0, 1], [0, 1])
        >>> items, places = reservoir.offer(1000)
        >>> len(items) <= reservoir.places, len(reservoir.order)
        (True, 2)
    """

    def __init__(self, size: int, source: KeySource) -> None:
        self.places: int = size + -(-size // 4)
        self._size = size
        self._keys = np.full(self.places, np.inf)  # those of free places are infinite
        self._free = np.arange(self.places)
        self._bound = np.inf
        self._source = source

    def offer(self, count: int) -> tuple[Indices, Indices]:
        """Look at the next items.

        Args:
            count: How many there are.

        Returns:
            Indices of those to keep, and the places that they take, from those who were there.
        """
        items, keys = self._source.below(count, self._bound)
        if len(items) > len(self._free):
            items, keys = self._smallest(items, keys)
        places, self._free = self._free[: len(items)], self._free[len(items) :]
        self._keys[places] = keys
        return items, places

    def _smallest(self, items: Indices, keys: Keys) -> tuple[Indices, Keys]:
        """Free all places but those of the smallest keys, and return what of the new is among."""
        candidates = np.concatenate([self._keys, keys])
        chosen = np.zeros(len(candidates), np.bool_)
        chosen[np.argpartition(candidates, self._size - 1)[: self._size]] = True
        self._bound = float(candidates[chosen].max())
        there, new = chosen[: self.places], chosen[self.places :]
        self._free = np.flatnonzero(~there)
        self._keys[self._free] = np.inf
        return items[new], keys[new]

    @property
    def order(self) -> Indices:
        """Places of the sample by ascending keys, which no cutting into batches changes."""
        order: Indices = np.argsort(self._keys)
        return order[: min(self._size, self.places - len(self._free))]
