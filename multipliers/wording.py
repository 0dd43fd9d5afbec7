"""How messages and summaries count things and list names."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural unless there is one.

    Args:
        number: How many there are.
        noun: What there is, one of it.
        plural: Several of it; with an "s" if None.

    Examples:
        >>> counted(1, "term"), counted(0, "term"), counted(2, "mismatch", "mismatches")
        ('1 term', '0 terms', '2 mismatches')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """Return names one after another, of many the first and how many more there are.

    Args:
        names: The names, in the order in which they are listed.
        most: How many are listed.

    Examples:
        >>> listed(["conv1", "conv2"]), listed(["a", "b", "c", "d"], most=2)
        ('conv1, conv2', 'a, b and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
