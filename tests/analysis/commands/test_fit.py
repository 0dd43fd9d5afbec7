"""`torchapprox fit`: what is printed, chosen and saved."""

import numpy as np
import pytest

from analysis.cli import main
from htp import HtpModel
from multipliers import Multiplier, get, save


def test_an_exact_factorisation_is_chosen(tmp_path, capsys):
    table, output, plot = (tmp_path / name for name in ("m.npz", "model.json", "calls.png"))
    multiplier = get("mul8s_bam_h4_v6")
    save(multiplier, table)
    words = ["fit", str(table), "-o", str(output), "--terms", "3", "--plot", str(plot)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(multiplier)
    assert lines[1].startswith("mul8s_bam_h4_v6: rank 3, table factorised, entries up to ")
    assert [line.split()[0] for line in lines[2:8]] == ["calls", "1", "2", "3", "3", "4"]
    assert lines[8] == "certificate: 3 calls, equal to mul8s_bam_h4_v6 on all 65536 pairs"
    assert lines[9:] == [f"model: {output}", f"plot: {plot}"]
    assert HtpModel.load(output, lut=multiplier).calls == 3
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_high_ranks_are_fitted(tmp_path, capsys):
    output = tmp_path / "model.json"
    words = ["fit", "mul8u_dadda_loa8", "-o", str(output), "--terms", "2", "--basis", "named"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "an exact factorisation takes at least 217 products, more than pay" in printed
    assert HtpModel.load(output, lut=get("mul8u_dadda_loa8")).calls == 3


def test_fewer_products_where_they_reach_the_stated_error(tmp_path):
    output = tmp_path / "model.json"
    words = ["fit", "mul8u_mitchell", "-o", str(output), "--terms", "4", "--error", "100"]
    assert main(words) == 0
    model = HtpModel.load(output, lut=get("mul8u_mitchell"))
    assert model.calls == 3
    assert model.certificate.mean_abs_difference < 100


def test_a_bare_table_with_its_signedness(tmp_path):
    path, output = tmp_path / "bare.npy", tmp_path / "model.json"
    np.save(path, get("mul8u_tm_k2").lut)
    assert (
        main(["fit", str(path), "-o", str(output), "--unsigned", "--order", "xw", "--terms", "0"])
        == 0
    )
    table = Multiplier.from_lut(get("mul8u_tm_k2").lut, x_signed=False, w_signed=False)
    assert HtpModel.load(output, lut=table).certificate.exact


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "absent.npz", "-o", "a.json"], "absent.npz: No such file"),
        (["fit", "drum99", "-o", "a.json"], "no multiplier is called 'drum99'"),
        (["fit", "drum4", "-o", "a.json", "--signed"], "drum4 is no file, for which --signed"),
        (["fit", "tm_k2", "-o", "absent/a.json", "--terms", "0"], "there is no folder"),
    ],
)
def test_errors_are_one_line(words, message, capsys):
    assert main(words) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "a.txt"], "the suffix must be .json, got '.txt'"),
        (["-o", "a.json", "--terms", "65"], "must be 0..64, got '65'"),
        (["-o", "a.json", "--error", "-1"], "must be a number of at least 0, got '-1'"),
        (["-o", "a.json", "--error", "x"], "must be a number of at least 0, got 'x'"),
    ],
)
def test_wrong_use(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["fit", "drum4", *words])
    assert message in capsys.readouterr().err
