"""The tables of docs/families.md are what the catalogue says today."""

from pathlib import Path
from shutil import copy

import pytest

from multipliers.families.table import families_table, figures_table, refresh

PAGE = Path(__file__).parents[3] / "docs" / "families.md"


def test_the_page_is_up_to_date(tmp_path):
    refreshed = tmp_path / "families.md"
    copy(PAGE, refreshed)
    refresh(refreshed)
    assert refreshed.read_text() == PAGE.read_text(), f"run refresh('{PAGE.name}')"
    assert families_table() in PAGE.read_text()
    assert figures_table() in PAGE.read_text()


def test_figures_are_those_of_the_literature():
    rows = {line.split("|")[1].strip(): line for line in figures_table().splitlines()}
    assert rows["`udm`"].startswith("| `udm` | 903.125 | -903.125 | 3.280 | 14450 | 46.73 |")
    assert rows["`ilm2`"].startswith("| `ilm2` | 18.430 | -18.430 | 0.071 | 961 | 40.54 |")
    assert rows["`array`"] == "| `array` | 0.000 | 0.000 | 0.000 | 0 | 0.00 | 0.000 |"


def test_a_page_without_markers_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- families: begin -->\n<!-- families: end -->\n")
    with pytest.raises(ValueError, match="one pair <!-- figures: begin --> and <!-- figures: end"):
        refresh(page)
