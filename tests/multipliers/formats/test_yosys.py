"""Behavioural Verilog through Yosys, and what is said where there is none."""

import subprocess

import numpy as np
import pytest

from multipliers import NetlistError, exact_products, load, simulate, synthesise
from multipliers.formats import yosys
from tests.components import needs_yosys

BEHAVIOURAL = """
module mul8s_behavioural(input signed [7:0] a, b, output reg signed [15:0] z);
  always @* z = a > 100 ? 16'sd100 * b : a * b;
endmodule
"""


@needs_yosys
def test_behavioural_multiplier(tmp_path):
    path = tmp_path / "mul8s_behavioural.v"
    path.write_text(BEHAVIOURAL)
    with pytest.raises(NetlistError, match=r":3: 'always' is not supported, .* synthesise=True"):
        load(path)
    multiplier = load(path, synthesise=True)
    values = np.minimum(exact_products(True, True)[:, 1], 100)
    assert np.array_equal(multiplier.lut, np.multiply.outer(values, exact_products(True, True)[1]))
    assert (multiplier.name, multiplier.source) == ("mul8s_behavioural", str(path))


@needs_yosys
def test_top_and_constants(tmp_path):
    path = tmp_path / "two.v"
    path.write_text(
        "module one(input [1:0] a, b, output [1:0] z); assign z = a == b ? 2 : a; endmodule\n"
        "module two(input [1:0] a, b, output [3:0] z); assign z = {a * b, 1'b1}; endmodule\n"
    )
    table = simulate(synthesise(path, top="two"))
    assert table.tolist() == [[(2 * a * b % 8) + 1 for b in range(4)] for a in range(4)]
    assert synthesise(path, top="one").outputs[0].width == 2


@needs_yosys
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module m(input a, output y;\nendmodule", r"m\.v:1: Yosys: syntax error"),
        ("module m(input a, output y); foo u(a, y); endmodule", r"m\.v: Yosys: Module .*foo"),
        ("module m(input c, a, output reg y); always @(posedge c) y <= a; endmodule",
         r"m\.v: after Yosys: the circuit has flip-flops or latches"),
        ("", r"m\.v: after Yosys: the file has no \.model"),
    ],
)  # fmt: skip
def test_mistake(tmp_path, text, message):
    (tmp_path / "m.v").write_text(text)
    with pytest.raises(NetlistError, match=message):
        synthesise(tmp_path / "m.v")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.v"):
        synthesise(tmp_path / "absent.v")


def test_no_yosys(tmp_path, monkeypatch):
    (tmp_path / "m.v").write_text(BEHAVIOURAL)
    monkeypatch.setattr(yosys.shutil, "which", lambda _name: None)
    monkeypatch.setattr(yosys.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ImportError, match=r"pip install 'torchapprox\[yosys\]'"):
        load(tmp_path / "m.v", synthesise=True)


def test_program_on_the_path_takes_precedence(tmp_path, monkeypatch):
    (tmp_path / "m.v").write_text(BEHAVIOURAL)
    commands = []

    def fail(command, **_options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, b"\nERROR: no licence\n")

    monkeypatch.setattr(yosys.shutil, "which", lambda _name: "/opt/yosys")
    monkeypatch.setattr(yosys.subprocess, "run", fail)
    with pytest.raises(NetlistError, match=r"m\.v: Yosys: no licence"):
        synthesise(tmp_path / "m.v")
    assert commands == [["/opt/yosys", "-q", "-s", "script.ys"]]


def test_package_compiles_itself_before_the_clock_starts(tmp_path, monkeypatch):
    (tmp_path / "m.v").write_text(BEHAVIOURAL)
    runs = []

    def fail(command, *, timeout=None, **_options):
        runs.append((command[-1], timeout))
        return subprocess.CompletedProcess(command, 1, b"\nERROR: no licence\n")

    monkeypatch.setattr(yosys.shutil, "which", lambda _name: None)
    monkeypatch.setattr(yosys.importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(yosys.subprocess, "run", fail)
    yosys._compile_package.cache_clear()
    for _ in range(2):
        with pytest.raises(NetlistError, match="no licence"):
            synthesise(tmp_path / "m.v", timeout_s=9)
    yosys._compile_package.cache_clear()
    assert runs == [("-V", None), ("script.ys", 9), ("script.ys", 9)]


@pytest.mark.bad_input("slow-synthesis")
def test_time_limit(tmp_path, monkeypatch):
    (tmp_path / "m.v").write_text(BEHAVIOURAL)

    def wait(command, *, timeout, **_options):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(yosys.shutil, "which", lambda _name: "/opt/yosys")
    monkeypatch.setattr(yosys.subprocess, "run", wait)
    with pytest.raises(NetlistError, match=r"m\.v: Yosys took longer than 0\.5 s"):
        synthesise(tmp_path / "m.v", timeout_s=0.5)


@needs_yosys
@pytest.mark.parametrize(
    ("gates", "style"),
    [("AND,OR,XOR,NAND,NOR,XNOR,MUX", "-noattr"), ("all", "-noexpr"), ("cmos4", "-noexpr")],
)
def test_verilog_that_yosys_writes_is_structural(tmp_path, gates, style):
    (tmp_path / "rtl.v").write_text(BEHAVIOURAL)
    (tmp_path / "script.ys").write_text(
        "read_verilog -sv rtl.v\nsynth -flatten -top mul8s_behavioural\n"
        f"abc -g {gates}\nopt_clean -purge\nwrite_verilog {style} out.v\n"
    )
    command = [*yosys._command(), "-q", "-s", "script.ys"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    multiplier = load(tmp_path / "out.v")
    values = np.minimum(exact_products(True, True)[:, 1], 100)
    assert np.array_equal(multiplier.lut, np.multiply.outer(values, exact_products(True, True)[1]))
