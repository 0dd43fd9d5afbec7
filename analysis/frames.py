"""Data frames that functions of the analysis are given, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from multipliers.parameters import check_kind


def check_frame(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse what is no data frame, or has rows without what is read of them.

    Args:
        name: What the caller's signature calls it.
        frame: What the caller passed.
        columns: Those that are read.

    Raises:
        TypeError: If `frame` is no data frame.
        LookupError: If it has rows and lacks a column.

    Examples:
        >>> check_frame("points", pd.DataFrame({"label": ["a"]}), ["label", "method"])
        Traceback (most recent call last):
        LookupError: 'points' must have a column 'method', got label
    """
    check_kind(name, frame, pd.DataFrame)
    missing = [column for column in columns if column not in frame]
    if missing and len(frame):
        raise LookupError(
            f"'{name}' must have a column {missing[0]!r}, got {', '.join(map(str, frame))}"
        )
