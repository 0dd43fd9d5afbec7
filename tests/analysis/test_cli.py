import subprocess
import sys
from argparse import SUPPRESS, _SubParsersAction

import numpy as np
import pytest

import analysis
from analysis.cli import main, parser
from analysis.commands import COMMANDS
from analysis.reports import demo
from multipliers import Multiplier, exact_products, load, save


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "even.npz"
    save(Multiplier.from_lut(exact_products(True, True) & ~1, name="even"), path)
    return path


@pytest.fixture
def tiny(monkeypatch, few_digits):
    """Make the demo of the command line train one epoch of each kind, on few digits."""
    monkeypatch.setattr(demo, "DEFAULT_BUDGET", demo.Budget(1, 1, 1))


def test_lut_prints_the_figures_and_saves_table_and_plot(table, tmp_path, capsys):
    output, plot = tmp_path / "out.npz", tmp_path / "error.png"
    assert main(["lut", str(table), "-o", str(output), "--plot", str(plot)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "even: signed 8-bit (-128..127) x signed 8-bit (-128..127)"
    assert lines[1].split()[:2] == ["error_mean", "-0.25"]
    assert any(line.startswith("error_rate") and " 0.25 " in line for line in lines)
    assert lines[-2:] == [f"table: {output}", f"error map: {plot}"]
    assert load(output).digest == load(table).digest
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_lut_takes_the_signedness_of_a_bare_table(tmp_path, capsys):
    bare = tmp_path / "bare.npy"
    np.save(bare, exact_products(False, False))
    output = tmp_path / "out.npz"
    stated = ["lut", str(bare), "-o", str(output), "--order", "xw"]
    assert main([*stated, "--unsigned"]) == 0
    assert "unsigned 8-bit (0..255)" in capsys.readouterr().out
    assert not load(output).x_port.signed
    assert main(stated) == 1
    assert "--signed, --unsigned or --signs us" in capsys.readouterr().err
    assert main(["lut", str(bare), "-o", str(output), "--unsigned"]) == 1
    assert "--order on the command line" in capsys.readouterr().err


@pytest.mark.bad_input("folder-for-file")
def test_lut_of_a_folder_names_the_command_that_takes_folders(tmp_path, capsys):
    assert main(["lut", str(tmp_path), "-o", str(tmp_path / "out.npz")]) == 1
    message = (
        f"torchapprox: error: {tmp_path}: it is a folder; name a file in it; "
        f"'torchapprox characterise {tmp_path}' compares all that are in it\n"
    )
    assert capsys.readouterr().err == message


@pytest.mark.bad_input("closed-pipe")
def test_work_goes_on_when_nobody_reads_the_lines(table, tmp_path):
    output = tmp_path / "out.npz"
    code = "import sys; from analysis.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "lut", str(table), "-o", str(output)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
    assert load(output).digest == load(table).digest


def test_demo_prints_the_accuracies_and_where_the_report_is(
    tiny, quick_pictures, table, tmp_path, capsys
):
    folder, bare = tmp_path / "report", tmp_path / "bare.npy"
    np.save(bare, load(table).lut)
    words = ["demo", "--multiplier", str(bare), "--output", str(folder), "--quiet"]
    assert main([*words, "--signed", "--order", "xw"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(demo.STAGES)
    assert lines[-1] == f"report: {folder / 'report.html'}"
    assert (folder / "report.html").is_file()
    assert printed.err == ""


def one_line_of(capsys):
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("torchapprox: error: ")
    return printed.err


def test_an_absent_file_is_one_line(tmp_path, capsys):
    path = tmp_path / "absent.npz"
    assert main(["lut", str(path), "-o", str(tmp_path / "out.npz")]) == 1
    assert f"{path}: No such file or directory" in one_line_of(capsys)


@pytest.mark.bad_input("damaged-file")
def test_a_truncated_file_is_one_line(table, tmp_path, capsys):
    table.write_bytes(table.read_bytes()[:1000])
    assert main(["demo", "--multiplier", str(table), "--output", str(tmp_path / "r")]) == 1
    assert "even.npz" in one_line_of(capsys)


def test_a_bad_netlist_is_one_line_with_its_place(tmp_path, capsys):
    netlist = tmp_path / "mul8s_bad.v"
    netlist.write_text(
        "module mul8s_bad(input [7:0] A, input [7:0] B, output [15:0] O);\n  assign\n"
    )
    assert main(["lut", str(netlist), "-o", str(tmp_path / "out.npz")]) == 1
    assert "mul8s_bad.v:" in one_line_of(capsys)


def test_a_folder_that_cannot_be_made_is_one_line_before_any_work(table, tmp_path, capsys):
    words = ["demo", "--multiplier", str(table), "--output", str(table / "report")]
    assert main(words) == 1
    assert "Not a directory" in one_line_of(capsys)


@pytest.mark.bad_input("no-folder")
def test_an_output_that_cannot_be_written_is_one_line(table, tmp_path, capsys):
    assert main(["lut", str(table), "-o", str(tmp_path / "absent" / "out.npz")]) == 1
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["lut", "a.v"], "the following arguments are required: -o/--output"),
        (["lut", "a.v", "-o", "b.npz", "--signed", "--unsigned"], "not allowed with argument"),
        (["lut", "a.v", "-o", "b.npz", "--plot", "c.svg"], "suffix must be .png, got '.svg'"),
        (["demo", "--seed", "-1"], "argument --seed"),
        (["demo", "--seed", "many"], "must be 0..2147483647, got 'many'"),
    ],
)
def test_wrong_use_leaves_with_code_2(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


@pytest.mark.bad_input("interrupt")
def test_an_interrupt_is_no_traceback(table, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("multipliers.characterise", interrupt)
    assert main(["lut", str(table), "-o", str(tmp_path / "out.npz")]) == 130


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("torchapprox ")


def test_no_help_loads_torch():
    code = (
        "import sys\nfrom analysis.cli import main\nfrom analysis.commands import COMMANDS\n"
        "for words in [], *([word] for word in COMMANDS):\n"
        "    try:\n        main([*words, '--help'])\n    except SystemExit:\n        pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'numba')))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count(b"usage: torchapprox") == 1 + len(COMMANDS)


def test_every_help_states_the_defaults():
    (commands,) = (each for each in parser()._actions if isinstance(each, _SubParsersAction))
    missing = [
        f"{word} {option.dest}"
        for word, command in commands.choices.items()
        for option in command._actions
        if option.nargs != 0 and option.default not in (None, [], SUPPRESS)
        if f"(default: {option.default}" not in (option.help or "")
    ]
    assert missing == []


def test_every_public_name_is_there_and_sorted():
    constants_first = sorted(analysis.__all__, key=lambda name: (not name.isupper(), name))
    assert constants_first == analysis.__all__
    for name in analysis.__all__:
        value = getattr(analysis, name)
        assert name.isupper() or value.__name__ == name
    assert {name for names in analysis._HOMES.values() for name in names} == set(analysis.__all__)
    with pytest.raises(AttributeError, match="module 'analysis' has no attribute 'absent'"):
        getattr(analysis, "absent")  # noqa: B009
