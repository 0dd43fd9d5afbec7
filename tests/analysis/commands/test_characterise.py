"""`torchapprox characterise`: files, folders, names, cells, operands, Pareto plot."""

import numpy as np
import pandas as pd
import pytest

from analysis.cli import main
from analysis.cosimulation.operand_stream import OperandStream
from analysis.cosimulation.stream_energy import operand_energy
from multipliers import (
    array_multiplier,
    broken_array_multiplier,
    characterise,
    circuit_cost,
    get,
    get_netlist,
    save,
    write_netlist,
)


@pytest.fixture
def compare(tmp_path, capsys):
    """Run the command and return its CSV file, and what it printed."""

    def run(*words, code=0):
        csv = tmp_path / "out.csv"
        assert main(["characterise", *map(str, words), "--csv", str(csv), "--quiet"]) == code
        return pd.read_csv(csv) if csv.exists() else None, capsys.readouterr()

    return run


def test_names_and_files(compare, tmp_path):
    path = tmp_path / "mul8s_bam_h0_v8.blif"
    write_netlist(get_netlist("mul8s_bam_h0_v8"), path)
    frame, printed = compare("drum4", path)
    assert frame["name"].tolist() == ["mul8u_drum4", "mul8s_bam_h0_v8"]
    wanted = [characterise(get(name)).mae for name in frame["name"]]
    assert frame["mae"].tolist() == pytest.approx(wanted, rel=1e-14)  # pandas 2 reads in haste
    header, first, _, *rest = printed.out.splitlines()
    assert header.split()[:3] == ["name", "error_mean", "error_std"]
    assert first.split()[-1] == "-"  # no gates, no energy
    assert rest == [f"table: {tmp_path / 'out.csv'}"]
    assert printed.err == ""


def test_a_folder_with_a_bad_file(compare, tmp_path):
    folder = tmp_path / "lib"
    folder.mkdir()
    for name in ("mul8u_array", "mul8u_bam_h0_v4"):
        write_netlist(get_netlist(name), folder / f"{name}.v")
    (folder / "mul8u_bad.v").write_text("module mul8u_bad(")
    frame, printed = compare(folder, code=1)
    assert frame["name"].tolist() == ["mul8u_array", "mul8u_bam_h0_v4"]
    assert "mul8u_bad.v:1: " in printed.out
    assert printed.err == "torchapprox: error: 1 of 3 multipliers are left out\n"


def test_nothing_but_a_bad_file(compare, tmp_path):
    frame, printed = compare(tmp_path / "absent.v", code=1)
    assert frame is None
    assert printed.err.startswith(f"torchapprox: error: {tmp_path / 'absent.v'}: No such file")


def test_wide_multipliers(compare, tmp_path):
    path = tmp_path / "mul9s_bam.v"
    write_netlist(broken_array_multiplier(0, 4, signed=True, width=9), path)
    wide = tmp_path / "wide.v"
    write_netlist(array_multiplier(signed=False, width=14), wide)
    frame, _ = compare(path, wide, "--samples", "3000", "--unsigned", code=0)
    assert frame["x_port"].tolist() == ["unsigned 9-bit (0..511)", "unsigned 14-bit (0..16383)"]
    assert frame["mae_standard_error"].notna().all()
    assert frame.loc[1, "wce"] == 0
    frame, _ = compare(path)
    assert frame.loc[0, "x_port"] == "signed 9-bit (-256..255)"
    assert "mae_standard_error" not in frame
    assert frame.loc[0, "live_gates"] > 0


def test_the_users_cell_table(compare, tmp_path):
    cells = tmp_path / "cells.csv"
    names = ("INV", "AND", "OR", "XOR", "NAND", "NOR", "XNOR", "XOR3", "MAJ", "MUX")
    cells.write_text("cell,area,energy\n" + "".join(f"{name},2,10\n" for name in names))
    frame, printed = compare("mul8u_array", "drum4", "--cells", cells)
    cost = circuit_cost(get_netlist("mul8u_array"))
    assert frame.loc[0, "cell_area"] == frame.loc[0, "area"] == 2 * cost.live_gates
    assert frame.loc[0, "area_unit"] == "area of the cell table (cells.csv)"
    assert np.isnan(frame.loc[1, "cell_area"])
    assert "cell_energy" in printed.out
    cells.write_text("cell;area;energy\n")
    _, printed = compare("mul8u_array", "--cells", cells, code=1)
    assert "cells.csv:1: the first line must be cell,area,energy" in printed.err


def test_the_operands_of_a_layer(compare, tmp_path):
    path = tmp_path / "operands.npz"
    rng = np.random.default_rng(0)
    stream = OperandStream(
        rng.integers(0, 40, 2000, dtype=np.uint8), rng.integers(100, 256, 2000, dtype=np.uint8)
    )
    stream.save(path)
    frame, printed = compare("mul8u_bam_h0_v6", "--operands", path)
    gates, error = get_netlist("mul8u_bam_h0_v6"), get("mul8u_bam_h0_v6").error
    expected = operand_energy(gates, stream).energy_per_multiplication
    assert frame.loc[0, "energy_on_operands"] == pytest.approx(expected)
    assert expected != pytest.approx(frame.loc[0, "energy_unit_gates"], rel=0.05)
    mean = error[stream.x_codes, stream.w_codes].mean()
    assert frame.loc[0, "error_mean"] == pytest.approx(mean)
    assert "energy_on_operands" in printed.out
    _, printed = compare("mul8u_array", "--operands", tmp_path / "absent.npz", code=1)
    assert "absent.npz: No such file" in printed.err


def test_what_the_user_states_about_files(compare, tmp_path):
    path = tmp_path / "m.npy"
    np.save(path, get("mul8u_ppp_j0_k2").lut.T)
    frame, _ = compare(path, "--unsigned", "--order", "wx", "--mred", "max-one")
    expected = characterise(get("mul8u_ppp_j0_k2"), mred="max-one")
    assert frame.loc[0, "mred"] == pytest.approx(expected.mred)


def test_pareto_plot(compare, tmp_path):
    picture = tmp_path / "pareto.png"
    words = ("mul8u_array", "mul8u_bam_h0_v4", "mul8u_tm_k2", "--pareto", picture)
    _, printed = compare(*words, "--error", "wce", "--cost", "area")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert printed.out.splitlines()[-1] == f"plot: {picture}"
    _, printed = compare(*words, "--cost", "price", code=1)
    assert "no column 'price'; there are name, " in printed.err
    _, printed = compare(*words, "--error", "x_port", code=1)
    assert "column 'x_port' must hold numbers" in printed.err


def test_a_progress_bar_for_several(tmp_path, terminal):
    save(get("drum4"), tmp_path / "a.npz")
    assert main(["characterise", str(tmp_path), "drum3"]) == 0
    assert "2/2" in terminal.readouterr().err
    assert main(["characterise", "drum3"]) == 0
    assert terminal.readouterr().err == ""
