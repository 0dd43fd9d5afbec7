"""A uniform sample of a stream of unknown length."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


class KeySource(Protocol):
    """Draws numbers, as `numpy.random.Generator` does."""

    def random(self, size: int, /) -> npt.NDArray[np.float64]:
        """Return numbers, uniform in [0, 1), float64 `(size,)`."""


class Reservoir:
    """Decides which items of a stream to keep, so that each is as likely as any other.

    Every item gets a random key, and the items with the smallest keys stay: a sample without
    replacement that does not depend on how the stream is cut into batches.

    Args:
        size: Number of items to keep.
        rng: Source of the keys.

    Examples:
        >>> reservoir = Reservoir(2, np.random.default_rng(0))
        >>> items, places = reservoir.offer(2)
        >>> items.tolist(), sorted(places.tolist())
        ([0, 1], [0, 1])
        >>> items, places = reservoir.offer(1000)
        >>> len(items) <= 2, len(reservoir.order)
        (True, 2)
    """

    def __init__(self, size: int, rng: KeySource) -> None:
        self._keys = np.full(size, np.inf)
        self._greatest = np.inf
        self._occupied = 0
        self._rng = rng

    def offer(self, count: int) -> tuple[Indices, Indices]:
        """Look at the next items.

        Args:
            count: How many there are.

        Returns:
            Indices of those to keep, and the places that they take, from those who were there.
        """
        keys = self._rng.random(count)
        size, occupied = len(self._keys), self._occupied
        self._occupied = min(size, occupied + count)
        if occupied + count <= size:
            places = np.arange(occupied, occupied + count)
            self._keys[places] = keys
            return np.arange(count), places
        promising = np.flatnonzero(keys < self._greatest)
        if not len(promising):
            return promising, promising
        candidates = np.concatenate([self._keys, keys[promising]])
        kept = np.argpartition(candidates, size - 1)[:size]
        free = np.ones(size, np.bool_)
        free[kept[kept < size]] = False
        places = np.flatnonzero(free)
        items = promising[np.sort(kept[kept >= size]) - size]
        self._keys[places] = keys[items]
        self._greatest = self._keys.max(initial=0.0)
        return items, places

    @property
    def order(self) -> Indices:
        """Occupied places in the order of their keys, which no cutting into batches changes."""
        order: Indices = np.argsort(self._keys)
        return order[: self._occupied]
