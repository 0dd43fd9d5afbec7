"""When progress bars are drawn."""

from __future__ import annotations


def hidden(quiet: bool) -> bool | None:
    """Return the ``disable`` of a `tqdm.tqdm` that is drawn on a terminal only, or never.

    Args:
        quiet: Whether no bar is to be drawn, not even on a terminal.

    Returns:
        True for none; None where `tqdm` is to ask whether it writes to a terminal.

    Examples:
        >>> hidden(True), hidden(False)
        (True, None)
    """
    return True if quiet else None
