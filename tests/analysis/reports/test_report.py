import base64
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from analysis import write_report
from analysis.plots.style import render_pdf
from analysis.reports.page import number, percent
from analysis.reports.pictures import Picture

SECTIONS = [
    "accuracy",
    "model",
    "multiplier",
    "operands",
    "errors",
    "quantiles",
    "models",
    "alternatives",
    "provenance",
]
TABLES = [
    "accuracy",
    "alternatives",
    "costs",
    "error_counts",
    "error_map",
    "error_models",
    "layers",
    "multiplier",
    "operands",
    "predictions",
    "provenance",
    "quantiles",
]
PICTURES = {"error_map", "error_histogram", "predicted_measured", "model_scatter", "pareto"}


class Page(HTMLParser):
    """Collects what the tests ask for: sections, links, pictures and the cells of the tables."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.addresses, self.tags, self.rows = [], [], set(), {}
        self.section = self.cell = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.add(tag)
        self.addresses += [
            attributes[key] for key in ("href", "src", "srcset") if key in attributes
        ]
        if tag == "section":
            self.section = attributes["id"]
            self.sections.append(self.section)
            self.rows[self.section] = []
        if tag == "tr":
            self.rows[self.section].append([])
        self.cell = tag if tag in ("td", "th") else self.cell
        if tag in ("td", "th"):
            self.rows[self.section][-1].append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.rows[self.section][-1][-1] += data


@pytest.fixture(scope="module")
def folder(report_folder):
    return report_folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text())


def test_every_section_is_there_and_linked(page):
    assert page.sections == SECTIONS
    assert [address for address in page.addresses if address.startswith("#")] == [
        f"#{section}" for section in SECTIONS
    ]


def test_the_page_needs_nothing_but_itself(folder, page, small_results):
    text = (folder / "report.html").read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert not page.tags & {"link", "iframe", "object"}
    pictures = [address for address in page.addresses if not address.startswith("#")]
    assert len(pictures) == 2 * (len(PICTURES) + 2 * len(small_results.explanation.traces))
    for picture in pictures:
        head, _, content = picture.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(content, validate=True).startswith(b"\x89PNG")


def test_files_are_the_tables_and_the_pictures(folder, small_results):
    names = {path.name for path in folder.iterdir()}
    layers = small_results.explanation.traces
    pictures = PICTURES | {f"{kind}_{name}" for kind in ("operands", "errors") for name in layers}
    assert names == (
        {"report.html", "report.json"}
        | {f"{name}.csv" for name in TABLES}
        | {f"{name}.{suffix}" for name in pictures for suffix in ("png", "pdf")}
    )


def test_accuracies_are_those_of_the_csv(folder, page):
    rows = [row[:4] for row in page.rows["accuracy"][1:]]
    table = pd.read_csv(folder / "accuracy.csv")
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (row.stage, str(row.correct), percent(row.accuracy)) for row in table.itertuples()
    ]
    assert list(table.stage) == [
        "float",
        "quantised",
        "approximate",
        "noise",
        "folded",
        "retrained",
    ]
    # pandas 2 reads the last digit as it comes.
    assert table.accuracy.to_numpy() == pytest.approx(table.correct / table.images, rel=1e-15)


def test_multiplier_figures_are_those_of_the_csv(folder, page):
    table = pd.read_csv(folder / "multiplier.csv")
    assert page.rows["multiplier"][1:] == [
        [row.figure, number(row.value), row.meaning] for row in table.itertuples()
    ]
    assert table.meaning[list(table.figure).index("mred")].count("convention") == 1


def test_layer_figures_are_those_of_the_csv(folder, page):
    table = pd.read_csv(folder / "layers.csv")
    columns = [
        "real_output_std",
        "real_predicted_mean",
        "real_measured_mean",
        "real_predicted_std",
        "real_measured_std",
        "std_ratio",
        "real_measured_std_between_channels",
        "real_measured_std_between_rows",
    ]
    assert page.rows["errors"][2:] == [
        [row["layer"], *(number(row[column]) for column in columns)] for _, row in table.iterrows()
    ]


def test_the_tables_hold_every_figure(folder, small_results):
    error_map = pd.read_csv(folder / "error_map.csv", index_col="activation")
    assert error_map.shape == (256, 256)
    assert error_map.loc[-3, "5"] == small_results.explanation.multiplier.error[256 - 3, 5]
    counts = pd.read_csv(folder / "error_counts.csv")
    assert counts.pairs.sum() == 65536
    assert (counts.error * counts.pairs).sum() == small_results.explanation.multiplier.error.sum()
    operands = pd.read_csv(folder / "operands.csv")
    for name, trace in small_results.explanation.traces.items():
        counts = operands[operands.layer == name].groupby("operand")["count"].sum()
        assert counts["activation"] == counts["weight"] == trace.joint_counts.sum()


def test_equal_results_give_equal_files(folder, small_results, tmp_path, monkeypatch):
    """Of the pictures one form of three; `test_result_plots` has the others of one plot."""

    def drawn_once(name, text, plot):
        return Picture(name, text, light=b"", dark=b"", pdf=render_pdf(plot))

    def without_pixels(path):
        return re.sub(rb'base64,[^"]*', b"", path.read_bytes())

    monkeypatch.setattr(Picture, "draw", drawn_once)
    write_report(small_results, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        if path.suffix != ".png":
            assert without_pixels(tmp_path / path.name) == without_pixels(path), path.name


def test_nothing_names_this_machine_or_the_time(folder):
    text = "".join(
        path.read_text() for path in folder.iterdir() if path.suffix not in (".png", ".pdf")
    )
    text = re.sub(r"base64,[^\"]*", "", text)
    assert str(folder.parent) not in text
    assert not re.search(r"\d\d:\d\d|(?<![\w.])/(home|tmp|usr|work|root)/", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1.0, "\N{MINUS SIGN}1"),
        (123456.7, "123457"),
        (-0.00001234, "\N{MINUS SIGN}1.234e\N{MINUS SIGN}05"),
        (0.04567, "0.04567"),
    ],
)
def test_numbers_have_four_digits_and_a_real_minus(value, text):
    assert number(value) == text
