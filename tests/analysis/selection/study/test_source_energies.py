"""Files of relative energies."""

from pathlib import Path

import pytest

from analysis.selection.study.source_energies import read_energies

HEADER = "multiplier,relative_energy\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"energies\.csv: lacks the column multiplier, relative_energy"),
        (b"name,relative_energy\n", r"energies\.csv: lacks the column multiplier"),
        (f"{HEADER}a,0.5\nb\n".encode(), r"energies\.csv:3: .* must be a number, got None"),
        (f"{HEADER}a,-1\n".encode(), r"energies\.csv:2: 'relative_energy' must be at least 0"),
        (f"{HEADER}a,nan\n".encode(), r"energies\.csv:2: .* must be at least 0, got nan"),
        (f"{HEADER}a,1\na,2\n".encode(), r"energies\.csv:3: multiplier 'a' must occur once"),
        (f"{HEADER}\xff".encode("latin1"), r"energies\.csv:2: byte 0xff is not UTF-8 text"),
        (HEADER.encode() + b"a" * (1 << 18), r"energies\.csv: not a CSV file: field larger"),
    ],
)
@pytest.mark.bad_input("damaged-file")
def test_refused_files(tmp_path, content, message):
    path = tmp_path / "energies.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_energies(path)


@pytest.mark.bad_input("endless-file")
def test_an_endless_file():
    with pytest.raises(ValueError, match="/dev/zero: the file must have at most 16777216 bytes"):
        read_energies(Path("/dev/zero"))


def test_a_byte_order_mark(tmp_path):
    path = tmp_path / "energies.csv"
    path.write_text(f"{HEADER}mine,0.25\n", encoding="utf-8-sig")
    assert read_energies(path) == {"mine": 0.25}
