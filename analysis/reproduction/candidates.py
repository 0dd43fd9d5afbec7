"""The 8-bit multipliers of a checkout or of the user's own files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from analysis.characterisation.sources import expand_sources, source_multiplier
from multipliers import Multiplier, read_library
from multipliers.wording import listed

_EIGHT_BIT = re.compile(r"mul8(?:x8)?[su]?_")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Multipliers to evaluate.

    Attributes:
        multipliers: With different names.
        powers_mw: Published power by name, where there is one.
        problems: A line for each circuit that could not be read.
    """

    multipliers: tuple[Multiplier, ...]
    powers_mw: dict[str, float]
    problems: tuple[str, ...]


def library_candidates(
    folder: str | Path,
    *,
    version: str | None = None,
    patterns: Sequence[str] = (),
    limit: int | None = None,
) -> Candidates:
    """Read the 8-bit multipliers of a checkout of EvoApproxLib.

    Args:
        folder: The checkout, as `multipliers.read_library` takes it, as does ``version``.
        version: Version of the library.
        patterns: Names to take, with the wildcards of `fnmatch`; all if there is none.
        limit: Most multipliers, the first by name; None for all.

    Raises:
        LookupError: If a pattern matches no 8-bit multiplier.
        OSError: If the folder cannot be read.
        ValueError: If it is no library, or has no 8-bit multiplier.
    """
    library = read_library(folder, version=version)
    entries = {entry.name: entry for entry in library if _EIGHT_BIT.match(entry.name)}
    if not entries:
        raise ValueError(f"{folder}: there is no 8-bit multiplier in it")
    names = chosen_names(list(entries), patterns, limit=limit)
    multipliers: list[Multiplier] = []
    powers: dict[str, float] = {}
    problems: list[str] = []
    for name in names:
        entry = entries[name]
        try:
            multipliers.append(replace(entry.load(), name=name))
        except (LookupError, NotImplementedError, OSError, ValueError) as error:
            problems.append(f"{name}  {error}")
            continue
        if entry.figures.power_mw is not None:
            powers[name] = entry.figures.power_mw
    return Candidates(tuple(multipliers), powers, tuple(problems))


def source_candidates(
    words: Iterable[str], *, patterns: Sequence[str] = (), limit: int | None = None
) -> Candidates:
    """Read multipliers from files, folders and the package's own library.

    Args:
        words: As `analysis.characterisation.sources.expand_sources` takes them.
        patterns: As `library_candidates`.
        limit: Likewise.

    Raises:
        LookupError: If there is no multiplier of a name, or a pattern matches none.
        OSError: If a file cannot be read.
        ValueError: If a file cannot be understood, or two have one name.

    Examples:
        >>> found = source_candidates(["mul8s_drum4", "mul8s_tm_k4"], patterns=["*drum*"])
        >>> [multiplier.name for multiplier in found.multipliers]
        ['mul8s_drum4']
    """
    found: dict[str, Multiplier] = {}
    for source in expand_sources(words):
        multiplier, _ = source_multiplier(source)
        if multiplier.name in found:
            raise ValueError(f"{source}: there is another multiplier named {multiplier.name!r}")
        found[multiplier.name] = multiplier
    names = chosen_names(list(found), patterns, limit=limit)
    return Candidates(tuple(found[name] for name in names), {}, ())


def chosen_names(
    names: Sequence[str], patterns: Sequence[str], *, limit: int | None = None
) -> list[str]:
    """Return the names that match a pattern, in their order.

    Raises:
        LookupError: If a pattern matches none.

    Examples:
        >>> chosen_names(["mul8s_a", "mul8u_a", "mul8u_b"], ["mul8u_*"], limit=1)
        ['mul8u_a']
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise LookupError(f"no 8-bit multiplier matches {pattern!r}; there are {listed(names)}")
    taken = [n for n in names if not patterns or any(fnmatchcase(n, p) for p in patterns)]
    return taken[:limit]
