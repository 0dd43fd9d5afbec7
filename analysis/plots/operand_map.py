"""A quantity of every product as a picture over the values of both operands."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from analysis.plots.style import figure_of
from multipliers import Multiplier, Port


def draw_operand_map(
    ax: Axes,
    multiplier: Multiplier,
    quantity: NDArray[np.number],
    norm: Normalize,
    *,
    extend: str = "neither",
) -> Colorbar:
    """Draw a quantity that may be positive (red), 0 (white) or negative (blue).

    Args:
        ax: Axes to draw into.
        multiplier: Whose ports label the axes.
        quantity: Values, `(X, W)`, by ascending value of activation and weight; NaN is left out.
        norm: Values of the strongest colours.
        extend: Ends of the colour bar beyond which there are values, as matplotlib names them.

    Returns:
        The colour bar.
    """
    x_port, w_port = multiplier.x_port, multiplier.w_port
    image = ax.imshow(
        quantity,
        cmap="RdBu_r",
        norm=norm,
        origin="lower",
        interpolation="nearest",
        extent=(w_port.low - 0.5, w_port.high + 0.5, x_port.low - 0.5, x_port.high + 0.5),
        aspect=(1 << w_port.width) / (1 << x_port.width),
    )
    ax.grid(visible=False)
    ax.xaxis.set_major_locator(MultipleLocator(1 << max(w_port.width - 2, 0)))
    ax.yaxis.set_major_locator(MultipleLocator(1 << max(x_port.width - 2, 0)))
    ax.set_xlabel(f"weight ({_kind(w_port)})")
    ax.set_ylabel(f"activation ({_kind(x_port)})")
    ax.set_title(multiplier.name)
    bar = figure_of(ax).colorbar(image, ax=ax, pad=0.02, extend=extend)
    bar.outline.set_visible(False)
    return bar


def _kind(port: Port) -> str:
    return f"{'signed' if port.signed else 'unsigned'} {port.width}-bit"
