"""Draws the start page's picture, for both colour schemes: `python -m docs.scripts.pipeline`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from analysis.plots.style import DARK, LIGHT, Theme, new_figure, render_png

IMAGES = Path(__file__).parents[1] / "images"
WIDTH, HEIGHT = 8.4, 3.3
BOX_WIDTH, BOX_HEIGHT = 1.42, 0.98
UPPER, LOWER = 2.6, 0.65
GAP = 0.05


@dataclass(frozen=True, slots=True)
class Box:
    """One stage: its place, what it is called, what it holds, and the package that makes it."""

    x: float
    y: float
    title: str
    lines: tuple[str, ...]
    package: str

    @property
    def right(self) -> tuple[float, float]:
        return self.x + BOX_WIDTH / 2 + GAP, self.y

    @property
    def left(self) -> tuple[float, float]:
        return self.x - BOX_WIDTH / 2 - GAP, self.y

    @property
    def top(self) -> tuple[float, float]:
        return self.x, self.y + BOX_HEIGHT / 2 + GAP

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x, self.y - BOX_HEIGHT / 2 - GAP


NETLIST = Box(0.8, UPPER, "netlist", ("Verilog, BLIF,", "CGP, AIGER"), "multipliers")
TABLE = Box(2.93, UPPER, "table", ("256 x 256 products,", "errors, cost"), "multipliers")
PRODUCT = Box(5.07, UPPER, "product", ("look-ups, or factors,", "or a fitted model"), "htp")
LAYERS = Box(7.2, UPPER, "layers", ("a PyTorch network,", "bit for bit"), "torchapprox")
TRACE = Box(7.2, LOWER, "trace", ("the operands that", "each layer multiplies"), "torchapprox")
ERROR = Box(5.07, LOWER, "error", ("of each layer,", "predicted, measured"), "analysis")
CHOICE = Box(2.93, LOWER, "answers", ("noise, retraining,", "choice of multipliers"), "analysis")
REPORT = Box(0.8, LOWER, "report", ("HTML, CSV, JSON,", "PNG, PDF"), "analysis")
BOXES = (NETLIST, TABLE, PRODUCT, LAYERS, TRACE, ERROR, CHOICE, REPORT)


def draw() -> Axes:
    """Draw the stages and the way of the data in the colours of the current theme."""
    axes = new_figure(WIDTH, HEIGHT).add_subplot()
    axes.set(xlim=(0, WIDTH - 0.35), ylim=(0, HEIGHT), xticks=[], yticks=[])
    axes.axis("off")
    for box in BOXES:
        _draw_box(axes, box)
    for before, after in ((NETLIST, TABLE), (TABLE, PRODUCT), (PRODUCT, LAYERS)):
        _draw_arrow(axes, before.right, after.left)
    _draw_arrow(axes, LAYERS.bottom, TRACE.top)
    for before, after in ((TRACE, ERROR), (ERROR, CHOICE), (CHOICE, REPORT)):
        _draw_arrow(axes, before.left, after.right)
    # What is found out goes back into the network.
    back = (CHOICE.x + 0.35, CHOICE.top[1]), (LAYERS.x - 0.35, LAYERS.bottom[1])
    _draw_arrow(axes, *back, dashed=True)
    axes.text(5.45, 1.42, "back into the layers", ha="center", fontsize=8.5, rotation=13)
    return axes


def _draw_box(axes: Axes, box: Box) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x - BOX_WIDTH / 2, box.y - BOX_HEIGHT / 2), BOX_WIDTH, BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08", facecolor="none", edgecolor="C0",
            linewidth=1.4,
        )
    )  # fmt: skip
    axes.text(box.x, box.y + 0.27, box.title, ha="center", va="center", weight="bold", fontsize=11)
    for number, line in enumerate(box.lines):
        axes.text(box.x, box.y + 0.02 - 0.19 * number, line, ha="center", va="center", fontsize=8)
    axes.text(
        box.x, box.y - 0.385, box.package, ha="center", va="center", fontsize=7.5,
        family="monospace", color="C1",
    )  # fmt: skip


def _draw_arrow(
    axes: Axes, start: tuple[float, float], stop: tuple[float, float], *, dashed: bool = False
) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, stop, arrowstyle="-|>", mutation_scale=12, color="C1" if dashed else "C0",
            linestyle="--" if dashed else "-", linewidth=1.4, shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip


def transparent(theme: Theme) -> Theme:
    """Return a theme without a background, for a page that has its own."""
    return replace(theme, settings={**theme.settings, "savefig.facecolor": "none"})


def main() -> None:
    """Write both files."""
    for theme in (LIGHT, DARK):
        picture = render_png(draw, theme=transparent(theme))
        (IMAGES / f"pipeline_{theme.name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
