"""Checkouts of published libraries of multipliers, read and verified."""

from multipliers.library.figures import PublishedFigures, parse_figures
from multipliers.library.library import Library, LibraryEntry, LibraryKey, read_library
from multipliers.library.verification import Verification, VerifiedFigure, compare, verify

__all__ = [
    "Library",
    "LibraryEntry",
    "LibraryKey",
    "PublishedFigures",
    "Verification",
    "VerifiedFigure",
    "compare",
    "parse_figures",
    "read_library",
    "verify",
]
