"""Operand ports: how many bits a multiplier reads of an operand, and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.parameters import check_flag, check_parameter

WIDEST_PORT = 16


@dataclass(frozen=True, slots=True)
class Port:
    """Width and signedness of one operand port.

    Args:
        width: Number of bits, 1 to 16.
        signed: Whether the bits are in two's complement.

    Raises:
        TypeError: If `width` is no int, or `signed` no bool.
        ValueError: If `width` is not from 1 to 16.

    Examples:
        >>> print(Port(8, signed=True))
        signed 8-bit (-128..127)
        >>> Port(8, signed=False).high
        255
    """

    width: int
    signed: bool

    def __post_init__(self) -> None:
        width = check_parameter("width", self.width, 1, WIDEST_PORT)
        object.__setattr__(self, "width", width)
        check_flag("signed", self.signed)

    @property
    def low(self) -> int:
        """Least value that the port accepts."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Greatest value that the port accepts."""
        return (1 << (self.width - self.signed)) - 1

    @property
    def values(self) -> npt.NDArray[np.int64]:
        """Value of each bit pattern, int64 `(2^width,)`: 0..high, then low..-1 where signed.

        Examples:
            >>> Port(3, signed=True).values.tolist()
            [0, 1, 2, 3, -4, -3, -2, -1]
        """
        patterns = np.arange(1 << self.width, dtype=np.int64)
        return patterns - ((patterns > self.high).astype(np.int64) << self.width)

    def __str__(self) -> str:
        sign = "signed" if self.signed else "unsigned"
        return f"{sign} {self.width}-bit ({self.low}..{self.high})"
