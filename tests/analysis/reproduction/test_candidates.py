"""Which multipliers of a checkout are evaluated, and which are named and left out."""

import pytest

from analysis.reproduction import library_candidates, source_candidates
from multipliers import get as own
from multipliers import get_netlist, save, to_verilog


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "evoapproxlib-v1"
    folder.mkdir()
    for name in ("mul8s_bam_h0_v8", "mul8s_tm_k4", "mul8u_tm_k2"):
        power = "// PDK45_PWR = 0.25 mW\n" if name == "mul8s_tm_k4" else ""
        (folder / f"{name}.v").write_text(power + to_verilog(get_netlist(name)))
    (folder / "mul8s_broken.v").write_text("module mul8s_broken(input [7:0] A); endmodule\n")
    (folder / "mul12s_wide.v").write_text("module mul12s_wide; endmodule\n")
    return folder


def test_eight_bit_multipliers_are_taken_and_broken_ones_named(checkout):
    found = library_candidates(checkout)
    names = [multiplier.name for multiplier in found.multipliers]
    assert names == ["mul8s_bam_h0_v8", "mul8s_tm_k4", "mul8u_tm_k2"]
    assert found.multipliers[1].digest == own("mul8s_tm_k4").digest
    assert found.powers_mw == {"mul8s_tm_k4": 0.25}
    assert len(found.problems) == 1
    assert found.problems[0].startswith("mul8s_broken  ")


def test_patterns_and_a_limit_choose(checkout):
    found = library_candidates(checkout, patterns=["mul8u*", "*tm*"], limit=1)
    assert [multiplier.name for multiplier in found.multipliers] == ["mul8s_tm_k4"]
    with pytest.raises(LookupError, match="no 8-bit multiplier matches 'mul9'"):
        library_candidates(checkout, patterns=["mul8u*", "mul9"])


def test_a_checkout_without_eight_bits_is_refused(tmp_path):
    (tmp_path / "mul12s_wide.v").write_text("module mul12s_wide; endmodule\n")
    with pytest.raises(ValueError, match="there is no 8-bit multiplier in it"):
        library_candidates(tmp_path, version="v1")


def test_files_of_ones_own_need_different_names(tmp_path):
    path = tmp_path / "mul8s_drum4.npz"
    save(own("mul8s_drum4"), path)
    found = source_candidates(["mul8s_tm_k4", str(path)])
    assert [multiplier.name for multiplier in found.multipliers] == ["mul8s_tm_k4", "mul8s_drum4"]
    with pytest.raises(ValueError, match="another multiplier named 'mul8s_drum4'"):
        source_candidates(["mul8s_drum4", str(path)])
