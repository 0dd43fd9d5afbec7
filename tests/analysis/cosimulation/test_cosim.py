"""Co-simulation against Icarus Verilog itself."""

import numpy as np
import pytest

from analysis.cli import main
from analysis.cosimulation.cosim import run_icarus, write_cosim
from analysis.cosimulation.operand_stream import OperandStream
from multipliers import (
    Multiplier,
    get,
    get_netlist,
    load,
    parse_verilog,
    to_verilog,
    write_netlist,
)
from tests.components import needs_icarus, needs_yosys


def all_pairs():
    x, w = np.divmod(np.arange(65536), 256)
    return OperandStream(x.astype(np.uint8), w.astype(np.uint8))


def netlist_file(tmp_path, name):
    path = tmp_path / f"{name}.v"
    path.write_text(to_verilog(get_netlist(name)))
    return path


@needs_icarus
@pytest.mark.parametrize("name", ["mul8s_bam_h0_v8", "mul8u_udm", "mul8s_array", "mul8u_dadda"])
def test_every_pair_of_a_correct_netlist(tmp_path, name):
    path = netlist_file(tmp_path, name)
    bench = write_cosim(path, get(name), all_pairs(), tmp_path / "bench")
    result = run_icarus(bench, path)
    assert (result.checked, result.mismatches, result.examples) == (65536, 0, ())


@needs_icarus
def test_a_corrupted_netlist_is_caught(tmp_path):
    path = netlist_file(tmp_path, "mul8s_array")
    corrupted = path.read_text().replace(" & ", " | ", 1)
    path.write_text(corrupted)
    good = get("mul8s_array")
    bench = write_cosim(path, good, all_pairs(), tmp_path / "bench")
    result = run_icarus(bench, path)
    bad = load(path)
    wrong = np.argwhere(bad.lut != good.lut)
    assert result.mismatches == len(wrong) > 0
    assert len(result.examples) == 20
    x, w = wrong[0]
    first = result.examples[0]
    assert (first.line, int(first.x, 16), int(first.w, 16)) == (256 * x + w, x, w)
    assert int(first.expected, 16) == good.lut[x, w] & 0xFFFF
    assert int(first.got, 16) == bad.lut[x, w] & 0xFFFF


FOREIGN = """
module \\odd.name (a, b, Z);
  input [1:0] a; input [2:0] b; output [4:0] Z;
  wire p, q;
  AND2X1 g0 (.A(a[0]), .B(b[0]), .Y(p));
  HAX1 g1 (.A(a[1]), .B(b[2]), .YS(q), .YC());
  assign Z = {1'b0, q, p, a};
endmodule
"""


@needs_icarus
def test_other_ports_names_and_cells_that_the_file_does_not_define(tmp_path):
    path = tmp_path / "odd.v"
    path.write_text(FOREIGN)
    multiplier = Multiplier.from_netlist(parse_verilog(FOREIGN), signed=False)
    stream = OperandStream(np.arange(4, dtype=np.uint8), np.arange(4, dtype=np.uint8))
    result = run_icarus(write_cosim(path, multiplier, stream, tmp_path / "bench"), path)
    assert (result.checked, result.mismatches) == (4, 0)


@needs_icarus
def test_undefined_bits_are_mismatches(tmp_path):
    path = netlist_file(tmp_path, "mul8u_array")
    bench = write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path / "bench")
    copy = tmp_path / "bench" / path.name
    copy.write_text(copy.read_text().replace(" & ", " & 1'bx & ", 1))
    result = run_icarus(bench, path)
    assert result.mismatches > 0
    assert "x" in result.examples[0].got.lower()


@needs_icarus
def test_a_netlist_that_does_not_compile(tmp_path):
    path = netlist_file(tmp_path, "mul8u_array")
    bench = write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path / "bench")
    (tmp_path / "bench" / path.name).write_text("module")
    with pytest.raises(RuntimeError, match=r"iverilog failed: .*syntax error"):
        run_icarus(bench, path)


def test_without_icarus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="Debian package 'iverilog'"):
        run_icarus(tmp_path / "test_bench.v", "mul.v")


def test_ports_of_another_width(tmp_path):
    path = tmp_path / "narrow.v"
    path.write_text("module narrow(input [3:0] A, B, output [7:0] O); assign O = {A, B}; endmodule")
    with pytest.raises(ValueError, match=r"must have input ports of \(8, 8\) bits, got narrow"):
        write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path)


class TestCommand:
    @needs_icarus
    def test_random_operands(self, tmp_path, capsys):
        path = netlist_file(tmp_path, "mul8s_bam_h0_v8")
        assert main(["cosim", str(path), "--random", "500", "-o", str(tmp_path / "bench")]) == 0
        assert "500 products checked, 0 mismatches" in capsys.readouterr().out

    @needs_icarus
    def test_a_mismatch_with_a_table(self, tmp_path, capsys):
        path = netlist_file(tmp_path, "mul8s_array")
        table = tmp_path / "mul8s_bam_h0_v8.v"
        table.write_text(to_verilog(get_netlist("mul8s_bam_h0_v8")))
        stream = tmp_path / "s.npz"
        all_pairs().save(stream)
        arguments = ["--table", str(table), "--operands", str(stream), "-o", str(tmp_path / "b")]
        assert main(["cosim", str(path), *arguments]) == 1
        printed = capsys.readouterr()
        assert "line 1: 00 * 01: " not in printed.out
        assert "expected" in printed.out
        assert "mismatches" in printed.err

    def test_only_written(self, tmp_path, capsys):
        path = netlist_file(tmp_path, "mul8u_array")
        bench = tmp_path / "bench"
        assert main(["cosim", str(path), "--no-run", "--random", "9", "-o", str(bench)]) == 0
        assert sorted(file.name for file in bench.iterdir()) == [
            "expected.hex", "library_cells.v", "mul8u_array.v", "stimulus.hex", "test_bench.v",
        ]  # fmt: skip
        assert len((bench / "stimulus.hex").read_text().splitlines()) == 9
        assert "test bench" in capsys.readouterr().out

    @needs_icarus
    def test_narrow_ports_get_operands_that_they_accept(self, tmp_path, capsys):
        path = tmp_path / "mul4s_array.v"
        path.write_text(to_verilog(get_netlist("mul4s_array")))
        words = ["cosim", str(path), "--random", "300", "--seed", "3", "-o", str(tmp_path / "b")]
        assert main(words) == 0
        assert "300 products checked, 0 mismatches" in capsys.readouterr().out
        lines = (tmp_path / "b" / "stimulus.hex").read_text().split()
        assert {int(line, 16) >> 4 for line in lines} == set(range(16))

    @needs_icarus
    @needs_yosys
    def test_behavioural_verilog_against_its_gates(self, tmp_path, capsys):
        path = tmp_path / "mul8s_rtl.v"
        path.write_text(
            "module mul8s_rtl(input signed [7:0] a, b, output reg signed [15:0] z);\n"
            "  always @* z = (a * b) & ~16'sd7;\nendmodule\n"
        )
        words = ["cosim", str(path), "--random", "500", "-o", str(tmp_path / "b")]
        assert main(words) == 1
        assert "'always' is not supported" in capsys.readouterr().err
        assert main([*words, "--synthesise"]) == 0
        assert "500 products checked, 0 mismatches" in capsys.readouterr().out

    def test_a_netlist_that_is_no_verilog(self, tmp_path, capsys):
        path = tmp_path / "mul8u_array.blif"
        write_netlist(get_netlist("mul8u_array"), path)
        assert main(["cosim", str(path), "-o", str(tmp_path / "b")]) == 1
        assert "must be Verilog, .v or .sv, got mul8u_array.blif" in capsys.readouterr().err

    @needs_icarus
    def test_the_other_top_of_a_file(self, tmp_path, capsys):
        path = tmp_path / "two.v"
        modules = [to_verilog(get_netlist(f"mul8u_{name}")) for name in ("bam_h0_v4", "array")]
        path.write_text("\n".join(modules))
        words = ["cosim", str(path), "--random", "200", "-o", str(tmp_path / "b")]
        assert main(words) == 1
        assert "several modules may be the top" in capsys.readouterr().err
        assert main([*words, "--top", "mul8u_bam_h0_v4"]) == 0


class TestWhatCanGoWrong:
    def test_an_empty_stream(self, tmp_path):
        nothing = OperandStream(np.zeros(0, np.uint8), np.zeros(0, np.uint8))
        path = netlist_file(tmp_path, "mul8u_array")
        with pytest.raises(ValueError, match="'stream' must hold at least one pair of operands"):
            write_cosim(path, get("mul8u_array"), nothing, tmp_path / "bench")
        assert not (tmp_path / "bench").exists()

    def test_a_netlist_with_the_name_of_the_bench(self, tmp_path):
        path = tmp_path / "test_bench.v"
        path.write_text(to_verilog(get_netlist("mul8u_array")))
        with pytest.raises(ValueError, match=r"must not be named as a file of the bench"):
            write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path / "bench")

    def test_operands_that_do_not_fit(self, tmp_path):
        path = tmp_path / "mul4u_array.v"
        path.write_text(to_verilog(get_netlist("mul4u_array")))
        with pytest.raises(ValueError, match="activations must fit a port of 4 bits, got code 16"):
            write_cosim(path, get("mul4u_array"), all_pairs(), tmp_path / "bench")

    @needs_icarus
    def test_a_run_that_takes_too_long(self, tmp_path):
        path = netlist_file(tmp_path, "mul8u_array")
        bench = write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path / "bench")
        with pytest.raises(RuntimeError, match=r"iverilog took more than 0\.001 s"):
            run_icarus(bench, path, seconds=1e-3)

    @needs_icarus
    def test_a_bench_that_stops_early(self, tmp_path):
        path = netlist_file(tmp_path, "mul8u_array")
        bench = write_cosim(path, get("mul8u_array"), all_pairs(), tmp_path / "bench")
        bench.write_text(bench.read_text().replace("#1;", "$finish; #1;", 1))
        with pytest.raises(RuntimeError, match="the test bench did not finish"):
            run_icarus(bench, path)

    @needs_icarus
    @pytest.mark.parametrize("kind", [" & ", " ^ ", "1'b0"])
    def test_every_kind_of_corruption_is_caught(self, tmp_path, kind):
        path = netlist_file(tmp_path, "mul8s_bam_h0_v8")
        good = get("mul8s_bam_h0_v8")
        text = path.read_text()
        assert kind in text
        other = {" & ": " | ", " ^ ": " & ", "1'b0": "1'b1"}[kind]
        path.write_text(other.join(text.rsplit(kind, 1)))
        assert load(path) != good
        result = run_icarus(write_cosim(path, good, all_pairs(), tmp_path / "bench"), path)
        assert result.mismatches == np.count_nonzero(load(path).lut != good.lut)
