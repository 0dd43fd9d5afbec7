"""`torchapprox lut`: every format in and out, and what the user has to state."""

import numpy as np
import pytest

from analysis.cli import main
from analysis.plots.multiplier_plots import column_plots
from multipliers import array_multiplier, get, get_netlist, load, save, write_netlist
from tests.components import needs_yosys

NETLISTS = ("v", "sv", "blif", "cgp", "chr", "aag", "aig")


@pytest.mark.parametrize("suffix", NETLISTS)
def test_netlists_of_every_format(suffix, tmp_path, capsys):
    path, output = tmp_path / f"mul8s_bam_h0_v8.{suffix}", tmp_path / "out.npz"
    written = path.with_suffix(".v") if suffix == "sv" else path
    write_netlist(get_netlist("mul8s_bam_h0_v8"), written)
    written.replace(path)
    assert main(["lut", str(path), "-o", str(output)]) == 0
    assert capsys.readouterr().out.startswith("mul8s_bam_h0_v8: signed 8-bit")
    assert load(output).digest == get("mul8s_bam_h0_v8").digest


@pytest.mark.parametrize("suffix", ["npz", "csv", "txt", "h"])
def test_tables_that_state_everything(suffix, tmp_path):
    multiplier = get("mul8s_ppp_j0_k2")
    path = tmp_path / f"table.{suffix}"
    save(multiplier, path)
    for out in ("npz", "csv", "txt", "h"):
        assert main(["lut", str(path), "-o", str(tmp_path / f"out.{out}")]) == 0
        assert load(tmp_path / f"out.{out}") == multiplier


def test_tables_whose_order_and_signedness_the_user_states(tmp_path, capsys):
    multiplier = get("mul8u_ppp_j0_k2")
    assert not np.array_equal(multiplier.lut, multiplier.lut.T)
    path, output, back = (tmp_path / name for name in ("m.npz", "mul8u_m.bin", "back.npz"))
    save(multiplier, path)
    assert main(["lut", str(path), "-o", str(output)]) == 1
    assert "order" in capsys.readouterr().err
    assert main(["lut", str(path), "-o", str(output), "--output-order", "wx"]) == 0
    assert main(["lut", str(output), "-o", str(back)]) == 1
    assert "pass order='xw'" in capsys.readouterr().err
    assert main(["lut", str(output), "-o", str(back), "--order", "wx"]) == 0
    assert load(back).digest == multiplier.digest
    assert main(["lut", str(output), "-o", str(back), "--order", "xw"]) == 0
    assert np.array_equal(load(back).lut, multiplier.lut.T)


def test_signedness_of_each_port(tmp_path, capsys):
    path, output = tmp_path / "m.npy", tmp_path / "out.npz"
    np.save(path, np.arange(65536).reshape(256, 256))
    words = ["lut", str(path), "-o", str(output), "--order", "xw", "--signs"]
    assert main([*words, "us"]) == 0
    assert capsys.readouterr().out.startswith("m: unsigned 8-bit (0..255) x signed 8-bit")
    with pytest.raises(SystemExit, match="2"):
        main([*words, "sx"])
    assert "must be ss, su, us or uu, got 'sx'" in capsys.readouterr().err


def test_structure_and_worst_cases_are_printed(tmp_path, capsys):
    path = tmp_path / "m.npz"
    save(get("mul8u_ppp_j0_k2"), path)
    assert main(["lut", str(path), "-o", str(tmp_path / "out.npz")]) == 0
    lines = capsys.readouterr().out.splitlines()
    # x (w without bits 0 and 1): one product of functions of one operand each, as is the error.
    assert "rank of the products 1, of the errors 1" in lines
    assert "worst: 255 x 3 = 0 instead of 765" in lines
    (symmetry,) = (line for line in lines if line.startswith("products equal in both orders: "))
    assert 0 < float(symmetry.split()[-1].rstrip("%")) < 100


def test_signs_that_look_wrong_are_asked_about(tmp_path, capsys):
    path, output = tmp_path / "mine.blif", tmp_path / "out.npz"
    write_netlist(get_netlist("mul8u_tm_k2"), path)
    path.write_text(path.read_text().replace("mul8u_tm_k2", "mine"))
    assert main(["lut", str(path), "-o", str(output), "--signed"]) == 0
    unsigned = "unsigned 8-bit (0..255)"
    question = f"as {unsigned} x {unsigned}, mae would be 380.25 (--signs uu)"
    assert f"are the signs right? {question}" in capsys.readouterr().out.splitlines()
    assert main(["lut", str(path), "-o", str(output), "--signs", "uu"]) == 0
    assert "are the signs right?" not in capsys.readouterr().out


def test_every_plot_is_drawn(tmp_path, capsys):
    path, plots = tmp_path / "m.npz", tmp_path / "plots"
    save(get("drum4"), path)
    assert main(["lut", str(path), "-o", str(tmp_path / "o.npz"), "--plots", str(plots)]) == 0
    expected = sorted(f"{stem}.png" for stem in column_plots(get("drum4")))
    assert sorted(file.name for file in plots.iterdir()) == expected
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in plots.iterdir())
    assert capsys.readouterr().out.count("plot: ") == len(expected)


def test_wide_multipliers_are_sent_to_the_command_that_takes_them(tmp_path, capsys):
    path = tmp_path / "mul9u_array.v"
    write_netlist(array_multiplier(signed=False, width=9), path)
    assert main(["lut", str(path), "-o", str(tmp_path / "o.npz")]) == 1
    printed = capsys.readouterr().err
    assert f"'torchapprox characterise {path}' gives the figures of wider multipliers" in printed
    assert printed.count("\n") == 1


@needs_yosys
def test_behavioural_verilog(tmp_path, capsys):
    path, output = tmp_path / "rtl.sv", tmp_path / "out.npz"
    path.write_text(
        "module rtl(input [7:0] a, input signed [7:0] b, output logic signed [15:0] z);\n"
        "  always_comb z = $signed({1'b0, a}) * b - (a > 200 ? 16'sd1 : 16'sd0);\nendmodule\n"
    )
    assert main(["lut", str(path), "-o", str(output)]) == 1
    assert "rtl.sv:2: 'always_comb' is not supported" in capsys.readouterr().err
    assert main(["lut", str(path), "-o", str(output), "--synthesise"]) == 0
    multiplier = load(output)
    assert (multiplier.x_port.signed, multiplier.w_port.signed) == (False, True)
    expected = multiplier.exact - (np.arange(256) > 200)[:, None]
    # Only -128 * 255 - 1 ... would leave 16 bits, and does not.
    assert np.array_equal(multiplier.lut, expected)
