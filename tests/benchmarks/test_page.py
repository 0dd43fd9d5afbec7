"""The page of measured results is what its script makes of the records, and records of what ran."""

import json
import sys

import pytest

from benchmarks import page, record, table

PRINTED = "Two figures:\n\n| name | ratio |\n|---|---|\n| a | 1.5 |\n| b | 0.3 |\n\nend\n"
RECORDS = sorted(record.RESULTS.glob("*.json"))


def test_the_page_is_what_the_script_makes_of_the_records():
    assert page.PAGE.read_text(encoding="utf-8") == page.page()


@pytest.mark.parametrize(
    "file", sorted(record.RESULTS.glob("table*.json")), ids=lambda file: file.stem
)
def test_the_start_page_has_the_recorded_figures(file):
    content = json.loads(file.read_text(encoding="utf-8"))
    begin, end = (marker.format(content["machine"]["kernel"]) for marker in table.MARKERS)
    shown = table.README.read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    head, rows, last = content["parts"]
    for part in (head["lines"], rows["columns"], *rows["rows"], last["lines"]):
        assert " | ".join(part) in shown


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_is_tracked_and_names_its_command(file):
    content = json.loads(file.read_text(encoding="utf-8"))
    name, _, kernel = file.stem.partition("-")
    assert content["benchmark"] == name in page.TRACKED
    assert kernel in ("", content["machine"]["kernel"])
    assert content["command"].startswith(f"python -m benchmarks.{name}")
    assert content["parts"]


def test_what_a_script_prints_is_recorded_and_shown(tmp_path, monkeypatch, capsys):
    def main():
        assert sys.argv[1:] == ["--seeds", "2"]
        sys.stdout.write(PRINTED)

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    words = ["/somewhere/networks.py", "--json", "--seeds", "2", "--shared"]
    monkeypatch.setattr(sys, "argv", words)
    record.recorded(main)
    assert capsys.readouterr().out == PRINTED
    content = json.loads((tmp_path / "networks.json").read_text(encoding="utf-8"))
    assert content["command"] == "python -m benchmarks.networks --seeds 2"
    assert content["parts"][1] == {
        "columns": ["name", "ratio"],
        "rows": [["a", "1.5"], ["b", "0.3"]],
    }
    text = page.page(tmp_path)
    assert "| b | 0.3 |" in text
    assert "\n\nTwo figures:\n\n" in text
    assert "shared with other programs" in text
    assert "No record yet: `python -m benchmarks.cuda_device --json`." in text


def test_a_record_of_another_cpu_stands_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for kernel, words in (("vbmi", []), ("avx2", ["--apart"]), ("expanded", ["--apart"])):
        monkeypatch.setattr(record, "available_kernels", lambda kernel=kernel: (kernel,))
        monkeypatch.setattr(sys, "argv", ["networks.py", "--json", *words])
        record.recorded(lambda kernel=kernel: print(f"by {kernel}"))  # noqa: T201
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["networks-avx2.json", "networks-expanded.json", "networks.json"]
    text = page.page(tmp_path)
    places = [text.index(f"by {kernel}") for kernel in ("vbmi", "avx2", "expanded")]
    assert places == sorted(places)


def test_nothing_is_written_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["networks.py"])
    record.recorded(lambda: None)
    assert not list(tmp_path.iterdir())
