"""Checking arguments of public functions: integers within bounds, flags, objects of a class."""

from __future__ import annotations

from typing import Any


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


def check_flag(name: str, value: bool) -> None:
    """Refuse what is no bool, such as the text "unsigned", which counts as true.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.

    Raises:
        TypeError: If `value` is not a bool.

    Examples:
        >>> check_flag("signed", "unsigned")
        Traceback (most recent call last):
        TypeError: 'signed' must be a bool, got 'unsigned'
    """
    if not isinstance(value, bool):
        raise TypeError(f"'{name}' must be a bool, got {shown(value)}")


def check_kind(name: str, value: object, kind: Any, *, advice: str = "") -> None:
    """Refuse an object of another class.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.
        kind: The class that it must have, or several.
        advice: What to do, appended to the error.

    Raises:
        TypeError: If `value` is not of the class.

    Examples:
        >>> check_kind("port", 8, str, advice="write it out")
        Traceback (most recent call last):
        TypeError: 'port' must be a str, got 8; write it out
    """
    if not isinstance(value, kind):
        advice = f"; {advice}" if advice else ""
        wanted = kind.__name__ if isinstance(kind, type) else str(kind).replace(" | ", " or ")
        article = "an" if wanted[0].lower() in "aeiou" else "a"
        raise TypeError(f"'{name}' must be {article} {wanted}, got {shown(value)}{advice}")


def shown(value: object) -> str:
    """Return a text or number as it is written, and the class of anything else.

    Examples:
        >>> shown("drum4"), shown([1])
        ("'drum4'", 'list')
    """
    simple = value is None or type(value) in (str, int, float, bool)
    return repr(value)[:80] if simple else type(value).__name__
