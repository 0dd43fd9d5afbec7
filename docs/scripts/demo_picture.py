"""Draws the start page's picture of the demo, for both colour schemes.

``python -m docs.scripts.demo_picture``
"""

from __future__ import annotations

from pathlib import Path

from analysis.characterisation.sources import file_multiplier
from analysis.plots.result_plots import plot_predictions
from analysis.plots.style import DARK, LIGHT, render_png
from analysis.reports.demo import run_demo
from multipliers import demo_netlist

IMAGES = Path(__file__).parents[1] / "images"


def main() -> None:
    """Run the demo and draw predicted and measured errors."""
    multiplier, netlist = file_multiplier(demo_netlist())
    layers = run_demo(multiplier, netlist=netlist).explanation.layers
    for theme, name in ((LIGHT, "predicted_measured"), (DARK, "predicted_measured_dark")):
        picture = render_png(lambda: plot_predictions(layers)[0], theme=theme)
        (IMAGES / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
