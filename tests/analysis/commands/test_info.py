"""`torchapprox info`: every line says something of this machine."""

from dataclasses import replace

import pytest
import torch

from analysis.cli import main
from tests.torchapprox.operators.engine.test_choice import COSTS
from tests.torchapprox.plain_python import plain_python
from torchapprox.kernels.compiling.cpu_kernel import available_kernels, line_kernels
from torchapprox.operators.engine import calibration, cuda_calibration
from torchapprox.operators.engine.calibration import costs_path, engine_costs
from torchapprox.operators.engine.cuda_costs import published_costs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine_costs.cache_clear()
    yield
    engine_costs.cache_clear()


def test_what_is_printed(capsys, monkeypatch):
    monkeypatch.delenv("TORCHAPPROX_KERNEL", raising=False)
    monkeypatch.delenv("TORCHAPPROX_ENGINE", raising=False)
    threads = torch.get_num_threads()
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"torch {torch.__version__}" in lines[0]
    assert f"{threads} threads" in lines[1]
    assert lines[2].startswith("CUDA: ")
    chosen = " or ".join(line_kernels(None))
    assert lines[3] == f"look-up kernel: {chosen}; this CPU runs {', '.join(available_kernels())}"
    assert lines[4] == "engine: auto"
    rate = 1e-9 / engine_costs(threads).term
    wanted = f"{rate:.1f} G/s products of two features".split()
    assert any(line.split() == wanted for line in lines)
    assert lines[-1] == f"  kept in {costs_path(threads)}"


def test_without_a_compiler(capsys, monkeypatch):
    monkeypatch.delenv("TORCHAPPROX_KERNEL", raising=False)
    with plain_python():
        assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "look-up kernel: portable; this CPU runs portable" in lines
    assert lines[-1] == "  look-ups only, since NUMBA_DISABLE_JIT switches Numba's compiler off"


def test_measuring_anew_replaces_the_file(capsys):
    path = costs_path(torch.get_num_threads())
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert main(["info", "--measure"]) == 0
    assert path.stat().st_size > 100
    assert "kept in" in capsys.readouterr().out


def test_a_cuda_device_s_rates(capsys, monkeypatch):
    def calibrate(device):
        path = cuda_calibration.cuda_costs_path(device)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        return replace(published_costs((9, 0)), lookup=1e-9 / 2345)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a card")
    monkeypatch.setattr(calibration, "measure_costs", lambda: COSTS)
    monkeypatch.setattr(cuda_calibration, "_published", lambda _: published_costs((9, 0)))
    monkeypatch.setattr(cuda_calibration, "calibrate_cuda", calibrate)
    cuda_calibration.cuda_costs.cache_clear()
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "CUDA: a card\n" in printed
    assert "engine on a card:\n   3474.9 G/s  look-ups\n" in printed
    assert "from published rates; torchapprox info --measure measures them" in printed
    assert main(["info", "--measure"]) == 0
    printed = capsys.readouterr().out
    assert " 2345.0 G/s  look-ups" in printed
    assert "  measured, kept in " in printed
    cuda_calibration.cuda_costs.cache_clear()


def test_what_the_environment_names(capsys, monkeypatch):
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "portable")
    monkeypatch.setenv("TORCHAPPROX_ENGINE", "lookup")
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "look-up kernel: portable, by TORCHAPPROX_KERNEL; this CPU runs" in printed
    assert "engine: lookup" in printed
    monkeypatch.setenv("TORCHAPPROX_KERNEL", "fast")
    assert main(["info"]) == 1
    assert "TORCHAPPROX_KERNEL must be one of" in capsys.readouterr().err
