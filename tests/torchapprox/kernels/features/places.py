"""Places in arrays, which stand for addresses where kernels run as Python."""

from typing import Any, NamedTuple

import numpy as np


class Place(NamedTuple):
    """A place in an array, in bytes; an element has 4 of them where it is a word, else one.

    Codes are wider integers here, which NumPy adds to without wrapping.
    """

    array: Any
    start: int = 0

    def __add__(self, distance):
        return Place(self.array, self.start + distance)

    def __radd__(self, distance):
        return self + distance

    @property
    def index(self):
        return self.start // (4 if self.array.dtype == np.uint32 else 1)

    def elements(self, kind):
        """What is there, without a copy, as elements of a type."""
        if self.array.dtype == np.int64:
            return self.array[self.start :]
        return self.array.view(kind)[self.start // np.dtype(kind).itemsize :]


def elements(where, kind):
    """Stand for the kernels' function of this name."""
    return where.elements(kind) if isinstance(where, Place) else where
