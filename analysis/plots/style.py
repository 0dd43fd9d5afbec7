"""The look of the figures, for light and for dark pages, and their rendering without pyplot."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from multipliers.parameters import check_kind, shown

_COMMON: dict[str, object] = {
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "savefig.dpi": 144,
}


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of the figures of one kind of page.

    Attributes:
        name: `light`, `dark` or `paper`.
        settings: Matplotlib's rc parameters.
    """

    name: str
    settings: Mapping[str, object]


def _theme(name: str, *, paper: str, ink: str, grid: str, series: tuple[str, ...]) -> Theme:
    colours = {
        "figure.facecolor": paper,
        "savefig.facecolor": paper,
        "axes.facecolor": paper,
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": grid,
        "axes.prop_cycle": cycler(color=series),
    }
    return Theme(name, _COMMON | colours)


# Series: blue, orange (told apart by all common kinds of colour vision, and in grey).
LIGHT = _theme(
    "light", paper="#ffffff", ink="#24292f", grid="#e4e7eb", series=("#1f6fb4", "#d9600a")
)
# Labels of 7 to 8 points, which is what a paper's column of 85 mm has room for.
PAPER = Theme(
    "paper",
    dict(LIGHT.settings)
    | {
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "savefig.dpi": 300,
    },
)
DARK = _theme("dark", paper="#1b2027", ink="#d5dae1", grid="#333a44", series=("#62aef0", "#f59a4c"))


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of a size in inches that pyplot does not know and that can be saved."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax: Axes | None, new: Callable[[], Axes]) -> Axes:
    """Return the axes that a caller gave to draw into, or new ones.

    Args:
        ax: What the caller passed as ``ax``; None for new ones.
        new: Makes these.

    Raises:
        TypeError: If `ax` is something else, such as a figure.

    Examples:
        >>> axes_or_new(new_figure(2, 1), lambda: new_figure(2, 1).add_subplot())
        Traceback (most recent call last):
        TypeError: 'ax' must be an Axes or None, got Figure; a figure's add_subplot() makes one
    """
    check_kind("ax", ax, Axes | None, advice="a figure's add_subplot() makes one")
    return new() if ax is None else ax


def pair_or_new(
    axes: tuple[Axes, Axes] | None, new: Callable[[], Iterable[Axes]]
) -> tuple[Axes, Axes]:
    """Return the two axes that a caller gave to draw into, or new ones.

    Args:
        axes: What the caller passed as ``axes``, also an array as a figure's subplots() makes it;
            None for new ones.
        new: Makes two.

    Raises:
        TypeError: If `axes` is something else.

    Examples:
        >>> pair_or_new(new_figure(2, 1).add_subplot(), list)
        Traceback (most recent call last):
        TypeError: 'axes' must be a pair of Axes or None, got Axes; a figure's subplots() makes some
    """
    given = new() if axes is None else axes
    pair = tuple(given) if isinstance(given, Iterable) else ()
    if len(pair) != 2 or not all(isinstance(each, Axes) for each in pair):
        raise TypeError(
            f"'axes' must be a pair of Axes or None, got {shown(axes)}; a figure's subplots() "
            "makes some"
        )
    return pair


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes lie in.

    Raises:
        TypeError: If the axes lie in no figure of their own.
    """
    figure = axes.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise TypeError(f"'axes' must lie in a Figure, got {type(figure).__name__}")
    return figure


def render_png(plot: Callable[[], Axes], *, theme: Theme = LIGHT) -> bytes:
    """Draw a plot in a theme and return the picture; equal plots give equal bytes.

    Args:
        plot: Draws and returns axes (any axes of the figure).
        theme: Colours; matplotlib's settings are as before afterwards.

    Examples:
        >>> render_png(lambda: new_figure(2, 1).add_subplot())[1:4]
        b'PNG'
    """
    return _render(plot, theme, ("png",))[0]


def render_pdf(plot: Callable[[], Axes]) -> bytes:
    """Draw a plot on white as a PDF file, with text as text; equal plots give equal bytes.

    Args:
        plot: Draws and returns axes (any axes of the figure).

    Examples:
        >>> render_pdf(lambda: new_figure(2, 1).add_subplot())[:4]
        b'%PDF'
    """
    return _render(plot, LIGHT, ("pdf",))[0]


def render_both(plot: Callable[[], Axes]) -> tuple[bytes, bytes]:
    """Draw a plot on white once, as PNG and as PDF; see `render_png` and `render_pdf`.

    Args:
        plot: Draws and returns axes (any axes of the figure).

    Examples:
        >>> png, pdf = render_both(lambda: new_figure(2, 1).add_subplot())
        >>> png[1:4], pdf[1:4]
        (b'PNG', b'PDF')
    """
    png, pdf = _render(plot, LIGHT, ("png", "pdf"))
    return png, pdf


# What would tell the version of matplotlib and the time.
_NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}


def _render(plot: Callable[[], Axes], theme: Theme, formats: tuple[str, ...]) -> list[bytes]:
    settings: dict[Any, Any] = dict(theme.settings)
    with mpl.rc_context(settings | {"pdf.fonttype": 42}):
        figure = figure_of(plot())
        engine = figure.get_layout_engine()
        if engine is not None:
            # Once for all formats: it takes most of the time.
            engine.execute(figure)
            figure.set_layout_engine("none")
        files = []
        for kind in formats:
            content = io.BytesIO()
            figure.savefig(content, format=kind, metadata=_NO_METADATA[kind])
            files.append(content.getvalue())
    return files
