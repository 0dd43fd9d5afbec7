"""Layout of the lines that commands print."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lay out name, figure (aligned right) and remark in columns.

    Examples:
        >>> aligned([("mae", "12.5", "mean"), ("wce", "130", "worst")])
        ['mae  12.5  mean', 'wce   130  worst']
        >>> aligned([])
        []
    """
    names, figures = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return [f"{name:{names}}  {figure:>{figures}}  {remark}" for name, figure, remark in rows]
