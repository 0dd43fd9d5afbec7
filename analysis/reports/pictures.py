"""Plots in a report: drawn for light and for dark pages, and as files beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from markupsafe import Markup
from matplotlib.axes import Axes
from tqdm import tqdm

from analysis.plots.style import DARK, render_both, render_png
from analysis.progress import hidden
from multipliers.whole_file import write_whole

Plot = tuple[str, str, Callable[[], Axes]]
"""Name, description for those who cannot see it, and what draws it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot, drawn for light and for dark pages.

    Attributes:
        name: Stem of the PNG file's name.
        text: What it shows, for those who cannot see it.
        light: PNG on white.
        dark: PNG on a dark ground.
        pdf: On white.
    """

    name: str
    text: str
    light: bytes
    dark: bytes
    pdf: bytes

    @classmethod
    def draw(cls, name: str, text: str, plot: Callable[[], Axes]) -> Self:
        """Draw a plot in both themes."""
        light, pdf = render_both(plot)
        return cls(name, text, light, render_png(plot, theme=DARK), pdf)

    def __html__(self) -> Markup:
        light, dark = (
            "data:image/png;base64," + base64.b64encode(png).decode()
            for png in (self.light, self.dark)
        )
        return Markup(
            '<picture><source media="(prefers-color-scheme: dark)" srcset="{}">'
            '<img alt="{}" src="{}"></picture>'
        ).format(dark, self.text, light)


def write_pictures(plots: Iterable[Plot], directory: Path, *, quiet: bool) -> dict[str, Picture]:
    """Draw plots in both themes and write each as PNG and PDF.

    Args:
        plots: Name, description and what draws it.
        directory: Where the files go.
        quiet: Show no progress bar.

    Returns:
        The pictures by name.

    Raises:
        OSError: If a file cannot be written.
    """
    pictures: dict[str, Picture] = {}
    for name, text, plot in tqdm(list(plots), desc="drawing", unit="plot", disable=hidden(quiet)):
        pictures[name] = Picture.draw(name, text, plot)
        write_whole(directory / f"{name}.png", pictures[name].light)
        write_whole(directory / f"{name}.pdf", pictures[name].pdf)
    return pictures
