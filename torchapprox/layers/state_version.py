"""Versions of what layers put into a `state_dict`."""

from collections.abc import Mapping
from typing import Any


def check_state_version(state: Any, version: int) -> None:
    """Raise ValueError for a layer's extra state that this program does not understand.

    Args:
        state: What was saved. States of the first releases had no version; they count as 1.
        version: The version that this program writes; it reads all up to it.

    Raises:
        ValueError: If the state is of a later version, or no state at all.

    Examples:
        >>> check_state_version({}, 1)
        >>> check_state_version({"version": 7}, 1)
        Traceback (most recent call last):
        ValueError: the checkpoint must be of version 1 or earlier, got 7; load it with the release
        of torchapprox that saved it, or a later one
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"a layer's saved state must be a mapping, got {type(state).__name__}")
    saved = state.get("version", 1)
    if type(saved) is not int or not 1 <= saved <= version:
        raise ValueError(
            f"the checkpoint must be of version {version} or earlier, got {saved!r}; load it with "
            "the release of torchapprox that saved it, or a later one"
        )
