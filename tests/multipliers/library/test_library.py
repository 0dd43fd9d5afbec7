"""Checkouts in the published layouts: what is found, what is refused, which figures are wrong."""

import json

import pytest

from multipliers import NetlistError, array_multiplier, to_verilog
from multipliers.library import LibraryKey, read_library, verify
from tests.multipliers.library.checkout import (
    circuit,
    evoapprox8b_header,
    evoapproxlib_header,
    figures,
)

SIGNED, UNSIGNED = figures(0, 7, True), figures(2, 5, False)


@pytest.fixture
def checkout(tmp_path):
    """A checkout of EvoApproxLib with two circuits, one of them in two folders."""
    root = tmp_path / "evoapproxlib-v2022"
    files = {
        "8x8_signed/pareto_pwr_mae/mul8s_1AB.v": ("mul8s_1AB", 0, 7, True, SIGNED),
        "8x8_signed/pareto_pwr_wce/mul8s_1AB.v": ("mul8s_1AB", 0, 7, True, SIGNED),
        "8x8_unsigned/pareto_pwr_mae/mul8u_2CD.v": ("mul8u_2CD", 2, 5, False, UNSIGNED),
    }
    for path, (name, h, v, signed, found) in files.items():
        file = root / "multiplers" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        header = f"// with respect to {file.parent.name}\n" + evoapproxlib_header(found)
        file.write_text(header + circuit(name, h, v, signed))
        file.with_name(f"{name}_pdk45.v").write_text("module broken(")
        file.with_name(f"{name}.c").write_text("int main() {}")
    adder = root / "adders" / "8_unsigned" / "add8u_0AB.v"
    adder.parent.mkdir(parents=True)
    adder.write_text("module add8u_0AB(")
    return root


def test_what_is_found(checkout):
    library = read_library(checkout)
    assert (library.version, len(library)) == ("evoapproxlib-v2022", 2)
    entry = library["mul8s_1AB"]
    assert entry.key == LibraryKey("evoapproxlib-v2022", "mul8s_1AB")
    assert (entry.signed, library["mul8u_2CD"].signed) == (True, False)
    assert [path.parent.name for path in entry.paths] == ["pareto_pwr_mae", "pareto_pwr_wce"]
    assert (entry.figures.power_mw, entry.figures.wce) == (0.422, SIGNED["wce"])
    assert str(entry.load()) == "mul8s_1AB: signed 8-bit (-128..127) x signed 8-bit (-128..127)"
    with pytest.raises(LookupError, match="has no multiplier 'mul8s_1AC'; did you mean mul8s_1AB"):
        library["mul8s_1AC"]
    assert len(read_library(checkout / "multiplers" / "8x8_signed", version="v2022")) == 1


def test_right_figures(checkout):
    for verification in verify(read_library(checkout)):
        assert verification.ok, verification
        assert [row.figure for row in verification.figures] == [
            "mae", "mae_percent", "wce", "wce_percent", "wcre_percent", "error_rate_percent",
            "mred_percent", "mse",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "figure"),
    [
        ("WCE", f"{SIGNED['wce'] + 1}", "wce"),
        ("MAE", f"{float(SIGNED['mae']) + 0.2:.1f}", "mae"),
        ("EP%", f"{float(100 * SIGNED['ep']) - 0.03:.2f} %", "error_rate_percent"),
        ("MRE%", "0.00 %", "mred_percent"),
        ("MSE", f"{float(SIGNED['mse']) / 1e3 + 0.003:.3f}e3", "mse"),
    ],
)
def test_wrong_figure_is_reported(checkout, key, value, figure):
    for folder in ("pareto_pwr_mae", "pareto_pwr_wce"):
        file = checkout / "multiplers" / "8x8_signed" / folder / "mul8s_1AB.v"
        header = evoapproxlib_header(SIGNED, **{key: value})
        file.write_text(header + circuit("mul8s_1AB", 0, 7, True))
    first, second = verify(read_library(checkout))
    assert not first.ok
    assert [row.figure for row in first.figures if not row.ok] == [figure]
    assert second.ok


def test_operands_exchanged_are_found(checkout):
    """A wrong circuit under a right header: the break runs along the other operand."""
    file = checkout / "multiplers" / "8x8_unsigned" / "pareto_pwr_mae" / "mul8u_2CD.v"
    file.write_text(evoapproxlib_header(UNSIGNED) + circuit("mul8u_2CD", 3, 5, False))
    assert [v.ok for v in verify(read_library(checkout))] == [True, False]


def test_evoapprox8b(tmp_path):
    found = figures(1, 6, False, max_one=True)
    folder = tmp_path / "multipliers_8"
    folder.mkdir()
    text = evoapprox8b_header("mul8_001", found) + circuit("mul8_001", 1, 6, False)
    (folder / "mul8_001.v").write_text(text)
    (folder / "mul8_002_pdk45.v").write_text(
        evoapprox8b_header("mul8_002", found) + circuit("mul8_002", 1, 6, False)
    )
    library = read_library(tmp_path)
    assert [entry.key for entry in library] == [
        ("evoapprox8b", "mul8_001"), ("evoapprox8b", "mul8_002"),
    ]  # fmt: skip
    assert all(verification.ok for verification in verify(library))
    assert library["mul8_001"].figures.power_mw == pytest.approx(0.1896)


def test_what_is_not_verified_and_what_cannot_be_read(checkout):
    below = checkout / "multiplers"
    (below / "12x12_signed").mkdir()
    wide = array_multiplier(signed=True, width=12)
    (below / "12x12_signed" / "mul12s_1.v").write_text("// WCE = 0\n" + to_verilog(wide))
    narrow = array_multiplier(signed=False, width=7)
    (below / "mul7u_0.v").write_text("// WCE = 0\n// MAE = 0.0\n" + to_verilog(narrow))
    (below / "mul8u_bad.v").write_text("// WCE = 0\nmodule mul8u_bad(\n")
    (below / "mul8u_bare.v").write_text(circuit("mul8u_bare", 0, 0, False))
    found = {
        verification.entry.name: verification for verification in verify(read_library(checkout))
    }
    assert found["mul7u_0"].ok
    assert len(found["mul7u_0"].figures) == 2
    assert (found["mul12s_1"].ok, found["mul12s_1"].skipped) == (True, True)
    assert "more than 8 bits are not verified" in found["mul12s_1"].problem
    assert (found["mul8u_bare"].skipped, found["mul8u_bare"].figures) == (True, ())
    assert not found["mul8u_bad"].ok
    assert "mul8u_bad.v:" in found["mul8u_bad"].problem


def test_wider_circuits_on_demand(checkout):
    folder = checkout / "multiplers" / "9x9_signed"
    folder.mkdir()
    wide = to_verilog(array_multiplier(signed=True, width=9))
    (folder / "mul9s_0.v").write_text("// WCE = 0\n// EP = 0.0 %\n// MAE = 3.0\n" + wide)
    library = read_library(folder, version="v1")
    (skipped,) = verify(library)
    assert skipped.skipped
    (found,) = verify(library, widest=9)
    assert [(row.figure, row.ok) for row in found.figures] == [
        ("mae", False), ("wce", True), ("error_rate_percent", True),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="'widest' must be from 8 to 12, got 13"):
        verify(library, widest=13)


def test_meta_json_fills_what_a_header_lacks(checkout):
    parameters = {"pwr": "0.5", "wce%": "0.1", "delay": "1.0"}
    instance = {"name": "mul8u_bare", "params": parameters, "files": []}
    content = [{"datasets": [{"bitwidth": 8, "datasets": [{"instances": [instance]}]}]}]
    (checkout / "meta.json").write_text(json.dumps(content))
    (checkout / "multiplers" / "mul8u_bare.v").write_text(
        "// WCE% = 0.2 %\n" + circuit("mul8u_bare", 0, 0, False)
    )
    published = read_library(checkout)["mul8u_bare"].figures
    assert (published.power_mw, published.wce_percent, published.delay_ns) == (0.5, 0.2, 1.0)
    for wrong in ("[", "[" * 100000, '{"name": 3}'):
        (checkout / "meta.json").write_text(wrong)
        if wrong.startswith("["):
            with pytest.raises(NetlistError, match=r"meta\.json: no JSON"):
                read_library(checkout)
        else:
            assert len(read_library(checkout)) == 3


@pytest.mark.parametrize(
    ("name", "version"),
    [("evoapproxlib-v1", "1"), ("evoapproxlib_1.0", "1.0"), ("EvoApproxLib-V2022", "2022")],
)
def test_version_of_the_folder(checkout, name, version):
    library = read_library(checkout.rename(checkout.with_name(name)))
    assert library.version == f"evoapproxlib-v{version}"


def test_version_that_nothing_states(checkout):
    root = checkout.rename(checkout.with_name("checkout"))
    with pytest.raises(ValueError, match=r"no file states the version .* pass version='v1' or"):
        read_library(root)
    assert read_library(root, version="v1").version == "evoapproxlib-v1"


def test_two_circuits_of_one_name(checkout):
    file = checkout / "multiplers" / "8x8_signed" / "pareto_pwr_wce" / "mul8s_1AB.v"
    header = evoapproxlib_header(SIGNED)
    file.write_text(header + circuit("mul8s_1AB", 0, 6, True))
    with pytest.raises(ValueError, match="have one name, but are different circuits"):
        read_library(checkout)
    file.write_text(header.replace("0.422", "0.423") + circuit("mul8s_1AB", 0, 7, True))
    with pytest.raises(ValueError, match="are one circuit, but publish different figures"):
        read_library(checkout)


def test_wrong_folders(tmp_path):
    with pytest.raises(NotADirectoryError, match=r"there is no folder .*absent"):
        read_library(tmp_path / "absent")
    with pytest.raises(ValueError, match="there is no multiplier, a file such as"):
        read_library(tmp_path)
    (tmp_path / "mul8_x.v").write_text("module mul8_x; endmodule")
    with pytest.raises(ValueError, match=r"mul8_x\.v: name and folder do not state whether"):
        read_library(tmp_path)
    (tmp_path / "8x8_signed").mkdir()
    (tmp_path / "mul8_x.v").rename(tmp_path / "8x8_signed" / "mul8u_x.v")
    with pytest.raises(ValueError, match=r"mul8u_x\.v: name and folder contradict each other"):
        read_library(tmp_path)
