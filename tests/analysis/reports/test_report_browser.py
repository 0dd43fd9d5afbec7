"""The report in a real browser, on wide and narrow, light and dark pages."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis import write_selection_report
from tests.components import needs_chromium

pytestmark = needs_chromium

# Runs in the page after it has loaded, and leaves what it found where --dump-dom shows it.
PROBE = """
<script>
addEventListener("load", () => {
  const luminance = colour => {
    const [r, g, b] = colour.map(c => {
      const v = c / 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [], small = [], hidden = [], wide = [];
  const width = document.documentElement.clientWidth;
  for (const element of document.querySelectorAll("main *")) {
    const box = element.getBoundingClientRect();
    if (!element.closest(".scroll") && box.right > width + 1) {
      wide.push(element.outerHTML.slice(0, 80));
    }
    const text = [...element.childNodes].filter(n => n.nodeType === 3 && n.data.trim());
    if (!text.length || !box.width) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parts(style.color).slice(0, 3)), luminance(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const start = element.textContent.trim().slice(0, 40);
    if (contrast < 4.5) faint.push([start, contrast]);
    if (parseFloat(style.fontSize) < 12) small.push([start, style.fontSize]);
    if (box.height < 8) hidden.push(start);
  }
  // Tables whose head has more or fewer cells in sight than a row.
  const seen = cells => [...cells].filter(c => c.getBoundingClientRect().width).length;
  const ragged = [...document.querySelectorAll("table")].filter(t => t.tHead).filter(t => {
    const heads = t.tHead.rows, last = heads.length - 1;
    const spanning = [...heads[0].cells].filter(c => last && c.rowSpan > last);
    const columns = seen(heads[last].cells) + seen(spanning);
    return [...t.tBodies[0].rows].some(row => seen(row.cells) !== columns);
  }).map(t => t.tHead.textContent.trim().slice(0, 40));
  const images = [...document.images];
  const table = document.querySelector("SECTION table.sortable");
  const order = () => [...table.tBodies[0].rows].map(row => row.cells[COLUMN].textContent);
  const before = order();
  const heading = [...table.tHead.querySelectorAll("[role=button]")][COLUMN];
  heading.click();
  const rising = order();
  heading.click();
  const found = {
    faint, small, hidden, wide, ragged, before, rising, falling: order(), width,
    scroll: document.documentElement.scrollWidth,
    images: images.length,
    broken: images.filter(i => !i.complete || !i.naturalWidth).map(i => i.alt),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    shown: images.map(i => i.currentSrc === i.src),
    ground: getComputedStyle(document.body).backgroundColor,
  };
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
});
</script>
"""


@dataclass(frozen=True)
class Shown:
    """A page, with a table on it that a click on a heading sorts, and the least of pictures."""

    path: Path
    section: str
    column: int
    pictures: int


@pytest.fixture(scope="module", params=["report", "selection"])
def page(request, tmp_path_factory):
    if request.param == "report":
        return Shown(request.getfixturevalue("report_folder") / "report.html", "#errors", 5, 8)
    folder, results = tmp_path_factory.mktemp("page"), request.getfixturevalue("selection_results")
    return Shown(write_selection_report(results, folder), "#points", 1, 2)


def open_page(page, *, width, dark, profile):
    """Return what the probe found, and what the browser wrote to its console."""
    probed = profile / "probed.html"
    probe = PROBE.replace("SECTION", page.section).replace("COLUMN", str(page.column))
    probed.write_text(page.path.read_text().replace("</body>", probe + "</body>"))
    finished = subprocess.run(
        [
            shutil.which("chromium"),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}",
            f"--window-size={width},1000",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--dump-dom",
            probed.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', finished.stdout, re.DOTALL)
    assert found, finished.stderr
    console = [line for line in finished.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), console


@pytest.mark.parametrize(("width", "dark"), [(1300, False), (1300, True), (500, False)])
def test_the_page_renders_whole_readable_and_without_errors(page, tmp_path, width, dark):
    found, console = open_page(page, width=width, dark=dark, profile=tmp_path)
    assert console == []
    assert found["dark"] is dark
    assert width - 20 <= found["width"] <= width
    assert found["scroll"] <= found["width"]
    for defect in ("wide", "ragged", "faint", "small", "hidden", "broken"):
        assert found[defect] == [], defect
    # Every picture of the theme of the page, and there are pictures.
    assert found["images"] >= page.pictures
    assert set(found["shown"]) == {not dark}
    rising = [float(text.replace("\N{MINUS SIGN}", "-")) for text in found["rising"]]
    assert rising == sorted(rising)
    assert found["falling"] == found["rising"][::-1]
    assert sorted(found["before"]) == sorted(found["rising"])
