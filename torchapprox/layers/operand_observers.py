"""Who looks at the operands that a layer multiplies."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from torchapprox.operators.gemm_operands import GemmOperands

OperandObserver = Callable[[GemmOperands, Tensor], None]


class OperandObservers:
    """The observers of one layer, false if there are none.

    Whoever observes a layer does not observe its copies.

    Examples:
        >>> observers = OperandObservers()
        >>> remove = observers.add(lambda operands, y: None)
        >>> bool(observers), remove(), bool(observers)
        (True, None, False)
    """

    def __init__(self) -> None:
        self._observers: tuple[tuple[OperandObserver, bool], ...] = ()

    def add(self, observer: OperandObserver, *, keeps: bool = True) -> Callable[[], None]:
        """Add an observer and return a function that removes it.

        Args:
            observer: Who looks.
            keeps: Whether it may keep the output. If none does, the layer may go on in its memory.
        """
        self._observers = (*self._observers, (observer, keeps))

        def remove() -> None:
            self._observers = tuple(known for known in self._observers if known[0] is not observer)

        return remove

    @property
    def keep(self) -> bool:
        """Whether an observer may keep the output."""
        return any(keeps for _, keeps in self._observers)

    def show(self, operands: GemmOperands, y: Tensor) -> None:
        """Call every observer."""
        for observer, _ in self._observers:
            observer(operands, y)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def __getstate__(self) -> dict[str, Any]:
        return {"_observers": ()}
