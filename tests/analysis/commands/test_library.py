"""`torchapprox library`: lists, verifies with an exit code, compares at published cost."""

import pandas as pd
import pytest

from analysis.cli import main
from multipliers import circuit_cost, names, read_verilog
from tests.multipliers.library.checkout import circuit, evoapproxlib_header, figures

SIGNED, UNSIGNED = figures(0, 7, True), figures(2, 5, False)


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "evoapproxlib"
    files = {
        "8x8_signed/pareto_pwr_mae/mul8s_1AB.v": ("mul8s_1AB", 0, 7, True, SIGNED),
        "8x8_unsigned/pareto_pwr_mae/mul8u_2CD.v": ("mul8u_2CD", 2, 5, False, UNSIGNED),
    }
    for path, (name, h, v, signed, found) in files.items():
        file = root / "multiplers" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(evoapproxlib_header(found) + circuit(name, h, v, signed))
    return root


def library(folder, *words):
    return main(["library", str(folder), "--library-version", "v1", "--quiet", *map(str, words)])


def test_list(checkout, capsys):
    assert library(checkout) == 0
    assert capsys.readouterr().out.splitlines() == [
        "evoapproxlib-v1  mul8s_1AB",
        "evoapproxlib-v1  mul8u_2CD",
        "2 multipliers",
    ]


def test_without_a_folder_the_packages_own_are_listed(capsys):
    assert main(["library"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == list(names())
    assert lines[-1].startswith(f"{len(names())} multipliers")
    assert main(["library", "--verify"]) == 1
    assert "need the folder of a checkout" in capsys.readouterr().err


def test_the_version_must_be_stated(checkout, capsys):
    assert main(["library", str(checkout)]) == 1
    assert "no file states the version of EvoApproxLib" in capsys.readouterr().err


def test_verify_prints_published_beside_computed(checkout, capsys):
    assert library(checkout, "--verify") == 0
    printed = capsys.readouterr()
    header, *rows, summary = printed.out.splitlines()
    assert header.split() == ["multiplier", "figure", "published", "computed"]
    assert summary == "2 of 2 multipliers verified, 0 with wrong figures"
    assert len(rows) == 16
    assert all(row.endswith(" ok") for row in rows)
    worst = f"{SIGNED['wce']}"
    assert ["mul8s_1AB", "wce", worst, worst, "ok"] in [row.split() for row in rows]
    assert printed.err == ""


def test_verify_leaves_with_code_1_on_a_mismatch(checkout, capsys):
    file = checkout / "multiplers" / "8x8_signed" / "pareto_pwr_mae" / "mul8s_1AB.v"
    wrong = str(SIGNED["wce"] - 1)
    file.write_text(evoapproxlib_header(SIGNED, WCE=wrong) + circuit("mul8s_1AB", 0, 7, True))
    assert library(checkout, "--verify") == 1
    printed = capsys.readouterr()
    bad = [line.split() for line in printed.out.splitlines() if line.endswith("WRONG")]
    assert bad == [["mul8s_1AB", "wce", wrong, str(SIGNED["wce"]), "WRONG"]]
    assert printed.err == (
        "torchapprox: error: 2 of 2 multipliers verified, 1 with wrong figures\n"
    )


def test_verify_catches_a_circuit_that_is_another(checkout, capsys):
    file = checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / "mul8u_2CD.v"
    text = file.read_text()
    assert " & " in text
    file.write_text(text.replace(" & ", " | ", 1))
    assert library(checkout, "--verify") == 1
    assert "WRONG" in capsys.readouterr().out


def test_verify_names_what_cannot_be_read(checkout, capsys):
    file = checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / "mul8u_2CD.v"
    file.write_text(file.read_text().replace("endmodule", ""))
    assert library(checkout, "--verify") == 1
    printed = capsys.readouterr()
    assert "mul8u_2CD  " in printed.out
    assert "expected 'endmodule'" in printed.out
    assert "1 with wrong figures" in printed.err


def test_only_published_costs_share_a_plot(checkout, tmp_path, capsys):
    for name in ("mul8u_3EF", "mul8u_4GH"):
        file = checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / f"{name}.v"
        file.write_text(circuit(name, 1, 6, False))
    picture = tmp_path / "pareto.png"
    assert library(checkout, "--pareto", picture, "--cost", "power") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "not in the plot, as no power is published: mul8u_3EF, mul8u_4GH"
    )
    assert library(checkout, "--pareto", picture, "--cost", "energy_unit_gates") == 0
    assert "not in the plot" not in capsys.readouterr().out


def test_compare_at_published_cost(checkout, tmp_path, capsys):
    csv, picture = tmp_path / "out.csv", tmp_path / "pareto.png"
    assert library(checkout, "--csv", csv, "--pareto", picture, "--cost", "power") == 0
    frame = pd.read_csv(csv).set_index("name")
    assert frame.loc["mul8s_1AB", ["power", "power_unit"]].tolist() == [0.422, "mW (published)"]
    assert frame.loc["mul8u_2CD", "mae"] == pytest.approx(float(UNSIGNED["mae"]))
    file = checkout / "multiplers" / "8x8_signed" / "pareto_pwr_mae" / "mul8s_1AB.v"
    cost = circuit_cost(read_verilog(file))
    assert frame.loc["mul8s_1AB", "energy_unit_gates"] == pytest.approx(cost.energy_unit_gates)
    printed = capsys.readouterr().out
    assert "mW (published)" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_compare_ranks_energy_against_published_power(checkout, tmp_path, capsys):
    assert library(checkout, "--csv", tmp_path / "out.csv") == 0
    assert "rank correlation" not in capsys.readouterr().out  # of two
    for number, (v, power) in enumerate([(4, "0.40"), (6, "0.30"), (8, "0.35")]):
        name = f"mul8s_{number}X"
        file = checkout / "multiplers" / "8x8_signed" / "pareto_pwr_mae" / f"{name}.v"
        header = evoapproxlib_header(figures(0, v, True), PDK45_PWR=f"{power} mW")
        file.write_text(header + circuit(name, 0, v, True))
    (checkout / "multiplers" / "8x8_signed" / "pareto_pwr_mae" / "mul8s_1AB.v").unlink()
    (checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / "mul8u_2CD.v").unlink()
    assert library(checkout, "--csv", tmp_path / "out.csv") == 0
    # Energies fall from v = 4 to 8, ranks 3 2 1 against 3 1 2: 1 - 6 * 2 / (3 * 8).
    expected = "relative energy and published power: 0.500 (Spearman, 3 multipliers)"
    assert expected in capsys.readouterr().out


def test_compare_leaves_out_what_cannot_be_read(checkout, tmp_path, capsys):
    file = checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / "mul8u_2CD.v"
    file.write_text(file.read_text().replace("endmodule", ""))
    assert library(checkout, "--csv", tmp_path / "out.csv") == 1
    printed = capsys.readouterr()
    assert pd.read_csv(tmp_path / "out.csv")["name"].tolist() == ["mul8s_1AB"]
    assert "mul8u_2CD  " in printed.out
    assert printed.err == "torchapprox: error: 1 of 2 multipliers are left out\n"


def test_a_bar_by_default_and_no_folder(checkout, tmp_path, terminal):
    assert main(["library", str(checkout), "--library-version", "v1", "--verify"]) == 0
    assert "2/2" in terminal.readouterr().err
    assert library(tmp_path / "absent") == 1
    assert "there is no folder" in terminal.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        library(checkout, "--widest", "13")
    assert "argument --widest: invalid choice: 13" in terminal.readouterr().err
