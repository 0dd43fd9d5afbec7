"""The table of a reproduction, as CSV, Markdown and HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames import check_frame
from analysis.reports.page import template
from analysis.reproduction.grid import FLOAT
from analysis.reproduction.methods import MEANINGS
from multipliers import Multiplier, characterise
from multipliers.multiplier import check_multipliers
from multipliers.parameters import check_kind, check_path
from multipliers.whole_file import write_whole

PAGE = "table.html"

_FIGURES = ("mae_percent", "mred_percent", "power_mw")
_TITLES = {
    "multiplier": "multiplier",
    "mae_percent": "MAE, % of 2^16",
    "mred_percent": "MRED, %",
    "power_mw": "power, mW (published)",
}


def wide_frame(
    trials: pd.DataFrame,
    multipliers: Sequence[Multiplier],
    *,
    powers_mw: Mapping[str, float],
) -> pd.DataFrame:
    """Return one row per multiplier: its figures, and the accuracy by each method.

    Args:
        trials: As `analysis.reproduction.reproduce` returns them.
        multipliers: Whose figures are shown; exact ones come first, then by falling accuracy of
            products.
        powers_mw: Published power by name, where there is one.

    Returns:
        Columns `multiplier`, `mae_percent`, `mred_percent`, `power_mw`, and for each method, in the
        order of `METHODS`, its name with the mean over the seeds and ``NAME std`` with their
        standard deviation (NaN for one seed), accuracies from 0 to 1.
    """
    check_frame("trials", trials, ["multiplier", "method", "accuracy"])
    check_multipliers("multipliers", multipliers)
    check_kind("powers_mw", powers_mw, Mapping)
    figures = {each.name: characterise(each) for each in multipliers}
    methods = [name for name in MEANINGS if (trials["method"] == name).any()]
    rows: list[dict[str, Any]] = []
    for name, own in trials[trials["multiplier"] != FLOAT].groupby("multiplier", sort=False):
        known = figures.get(str(name))
        row: dict[str, Any] = {
            "multiplier": name,
            "mae_percent": 0.0 if known is None else 100 * known.nmed,
            "mred_percent": 0.0 if known is None else 100 * known.mred,
            "power_mw": powers_mw.get(str(name), float("nan")),
        }
        for method in methods:
            accuracies = own.loc[own["method"] == method, "accuracy"]
            row[method] = accuracies.mean()
            row[f"{method} std"] = accuracies.std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows).sort_values("mae_percent", kind="stable", ignore_index=True)


def write_tables(
    folder: str | Path,
    trials: pd.DataFrame,
    wide: pd.DataFrame,
    *,
    summary: str,
    provenance: Mapping[str, str],
) -> Path:
    """Write ``trials.csv``, ``table.csv``, ``table.md`` and ``table.html``.

    Args:
        folder: Where they go.
        trials: One row per trial.
        wide: One row per multiplier, as `wide_frame` makes it.
        summary: One sentence that says what was done.
        provenance: What the figures depend on.

    Returns:
        The page.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = check_path("folder", folder)
    check_frame("trials", trials, ["multiplier", "method", "accuracy"])
    check_frame("wide", wide, ["multiplier"])
    float_accuracy = trials.loc[trials["multiplier"] == FLOAT, "accuracy"].mean()
    summary += f" In floating point it is right on {100 * float_accuracy:.2f} % of the test images."
    header, cells = _cells(wide)
    methods = {name: MEANINGS[name] for name in _methods(wide)}
    markdown = [
        summary,
        "",
        "Accuracy in per cent"
        + (", mean ± standard deviation over the seeds." if _repeated(wide) else "."),
        "",
        f"| {' | '.join(header)} |",
        "|---" * len(header) + "|",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
        *(f"- *{name}*: {meaning}" for name, meaning in methods.items()),
        "",
    ]
    page = template("reproduction.html").render(
        summary=summary, header=header, rows=cells, methods=methods, provenance=provenance,
        repeated=_repeated(wide),
    )  # fmt: skip
    write_whole(folder / "trials.csv", trials.to_csv(index=False).encode())
    write_whole(folder / "table.csv", wide.to_csv(index=False).encode())
    write_whole(folder / "table.md", "\n".join(markdown).encode())
    write_whole(folder / PAGE, page.encode())
    return folder / PAGE


def _methods(wide: pd.DataFrame) -> list[str]:
    return [name for name in wide.columns if name in MEANINGS]


def _repeated(wide: pd.DataFrame) -> bool:
    return any(wide[f"{name} std"].notna().any() for name in _methods(wide))


def _cells(wide: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the cells as text; no column of figures that nothing has."""
    figures = [name for name in _FIGURES if wide[name].notna().any()]
    methods = _methods(wide)
    rows = []
    for row in wide.to_dict("records"):
        texts = [str(row["multiplier"])]
        texts += ["" if pd.isna(row[name]) else f"{row[name]:.3g}" for name in figures]
        texts += [_accuracy(row[name], row[f"{name} std"]) for name in methods]
        rows.append(texts)
    return [_TITLES["multiplier"], *(_TITLES[name] for name in figures), *methods], rows


def _accuracy(mean: float, std: float) -> str:
    """Write an accuracy in per cent.

    Examples:
        >>> _accuracy(0.91234, 0.005), _accuracy(0.5, float("nan")), _accuracy(float("nan"), 0.0)
        ('91.23 ± 0.50', '50.00', '')
    """
    if math.isnan(mean):
        return ""
    return f"{100 * mean:.2f}" + ("" if math.isnan(std) else f" ± {100 * std:.2f}")
