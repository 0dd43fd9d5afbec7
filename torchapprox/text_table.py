"""Plain-text tables, as the summaries print them."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return left-aligned columns, two spaces apart, without trailing spaces.

    Examples:
        >>> print(text_table(("layer", "MACs"), [("conv1", "72"), ("fc", "2880")]))
        layer  MACs
        conv1  72
        fc     2880
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    )
