"""The version of the installed package."""

from __future__ import annotations

from importlib import metadata


def package_version() -> str:
    """Return the version of the distribution, `unknown` in a source tree that is not installed.

    Examples:
        >>> package_version() == "unknown" or package_version()[0].isdigit()
        True
    """
    try:
        return metadata.version("torchapprox")
    except metadata.PackageNotFoundError:
        return "unknown"
