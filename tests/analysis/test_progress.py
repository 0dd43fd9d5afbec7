"""Progress bars are drawn on a terminal and written nowhere else."""

import io

import pytest
from tqdm import tqdm

from analysis.cli import main
from analysis.progress import hidden


class Terminal(io.StringIO):
    """What says of itself that it is a terminal."""

    def isatty(self):
        """Return True."""
        return True


@pytest.mark.parametrize(
    ("file", "quiet", "drawn"),
    [(Terminal, False, True), (Terminal, True, False), (io.StringIO, False, False)],
)
def test_a_bar_is_drawn_on_a_terminal_only(file, quiet, drawn):
    stream = file()
    assert list(tqdm(range(3), file=stream, disable=hidden(quiet))) == [0, 1, 2]
    assert bool(stream.getvalue()) is drawn


def test_commands_write_no_bar_into_a_file(tmp_path, capfd):
    words = ["characterise", "mul8s_tm_k3", "drum4", "--csv", str(tmp_path / "all.csv")]
    assert main(words) == 0
    assert capfd.readouterr().err == ""
