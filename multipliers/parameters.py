"""Checking the integer parameters of generated multipliers: widths, breaks, segments."""

from __future__ import annotations


def check_parameter(name: str, value: int, least: int, greatest: int | None = None) -> None:
    """Refuse a parameter that is no integer or out of range.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        least: Least value that is allowed.
        greatest: Greatest value that is allowed, None if there is no bound.

    Raises:
        TypeError: If `value` is not an int.
        ValueError: If it is out of range.

    Examples:
        >>> check_parameter("k", 9, 0, 8)
        Traceback (most recent call last):
        ValueError: 'k' must be from 0 to 8, got 9
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"'{name}' must be an int, got {type(value).__name__}")
    if greatest is None and value < least:
        raise ValueError(f"'{name}' must be at least {least}, got {value}")
    if greatest is not None and not least <= value <= greatest:
        raise ValueError(f"'{name}' must be from {least} to {greatest}, got {value}")
