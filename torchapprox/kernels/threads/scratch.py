"""Memory that kernels write to while they work, and that the next call uses again."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]


class Scratch:
    """Arrays that nobody uses at present; a call takes some and gives them back.

    Several Python threads may call at once, so that they are not a kernel's own.

    Args:
        make: Makes them, for sizes; those for larger sizes serve smaller ones, too.
    """

    def __init__(self, make: Callable[..., Arrays]) -> None:
        self._make = make
        self._idle: list[tuple[tuple[int, ...], Arrays]] = []

    def take(self, *sizes: int) -> tuple[tuple[int, ...], Arrays]:
        """Return the sizes that arrays were made for, and the arrays."""
        try:
            found = self._idle.pop()
        except IndexError:
            return sizes, self._make(*sizes)
        made_for, _ = found
        if all(made >= size for made, size in zip(made_for, sizes, strict=True)):
            return found
        sizes = tuple(map(max, made_for, sizes))
        return sizes, self._make(*sizes)

    def give_back(self, taken: tuple[tuple[int, ...], Arrays]) -> None:
        """Let the next call use what `take` returned."""
        self._idle.append(taken)
