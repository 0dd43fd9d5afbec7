"""Two tables that say how a multiplier's product changes with its operands."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multipliers import Multiplier

Range = tuple[int, int]
Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GradientTables:
    """The gradients of a product by its operands, for every pair of codes; also one's own.

    Assign to a layer's ``gradient`` to train with it, whatever the multiplier.

    Args:
        by_x: dLUT/dx, real numbers `(256, 256)`, row = code of x, column = code of w.
        by_w: dLUT/dw, likewise.

    Raises:
        TypeError: A table does not hold real numbers.
        ValueError: A table has another shape, or an entry is not finite.

    Examples:
        >>> x = np.arange(256.0)[:, None] * np.ones(256)
        >>> float(GradientTables(by_x=x.T, by_w=x).by_w[3, 200])
        3.0
    """

    by_x: Table
    by_w: Table

    def __post_init__(self) -> None:
        for name in ("by_x", "by_w"):
            object.__setattr__(self, name, _checked(name, getattr(self, name)))

    def tables(
        self,
        multiplier: Multiplier,  # noqa: ARG002  of every estimator
        *,
        x_range: Range | None = None,  # noqa: ARG002
        w_range: Range | None = None,  # noqa: ARG002
    ) -> "GradientTables":
        """Return the tables themselves; see `TableEstimator`."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GradientTables):
            return NotImplemented
        return np.array_equal(self.by_x, other.by_x) and np.array_equal(self.by_w, other.by_w)

    def __hash__(self) -> int:
        return hash((self.by_x.tobytes(), self.by_w.tobytes()))


def _checked(name: str, table: ArrayLike) -> Table:
    array: NDArray[Any] = np.asarray(table)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"'{name}' must hold real numbers, got {array.dtype}")
    if array.shape != (256, 256):
        raise ValueError(f"'{name}' must be (256, 256), got {array.shape}")
    copy = np.array(array, dtype=np.float64)
    if not np.isfinite(copy).all():
        raise ValueError(f"'{name}' must be finite, got {np.sum(~np.isfinite(copy))} other entries")
    copy.setflags(write=False)
    return copy
