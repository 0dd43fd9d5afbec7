"""A hook of the build: a public name that the reference does not show is a warning, so an error."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

PACKAGES = ("multipliers", "htp", "torchapprox", "analysis")
COMMANDS = "analysis.commands"  # has a page of its own: the command line
ROOT = Path(__file__).parents[2]

log = logging.getLogger("mkdocs.hooks.complete_reference")


def public_names() -> Iterator[str]:
    """Yield the names in `__all__` of every package, with the package in front.

    Examples:
        >>> names = set(public_names())
        >>> {"htp.fit", "torchapprox.layers.ApproxLinear", "analysis.study"} <= names
        True
    """
    for top in PACKAGES:
        for path in sorted((ROOT / top).rglob("__init__.py")):
            package = ".".join(path.parent.relative_to(ROOT).parts)
            if package != COMMANDS:
                for name in getattr(import_module(package), "__all__", ()):
                    yield f"{package}.{name}"


def missing(documented: Collection[str]) -> list[str]:
    """Return the public names that are not documented.

    Examples:
        >>> names = set(public_names())
        >>> missing(names), missing(names - {"htp.fit"})
        ([], ['htp.fit'])
    """
    return [name for name in public_names() if name not in documented]


def on_post_build(config: MkDocsConfig) -> None:
    """Warn of each public name without a docstring, or of a package without a page."""
    for name in missing(config.plugins["mkdocstrings"].handlers.inventory):
        log.warning("The reference does not show '%s': a docstring or a page is missing", name)
