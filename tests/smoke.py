"""A first look at an installation: what a user does first, outside of any source tree.

    cd / && python .../tests/smoke.py [--without-demo]

Needs nothing but the installed package. `make smoke` builds the wheel, installs it into an empty
environment and runs this there.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
from importlib import metadata, resources
from pathlib import Path

import numpy as np
import torch
from torch import nn

import analysis
import htp
import multipliers
import torchapprox

PACKAGES = (multipliers, htp, torchapprox, analysis)


def command(*words, exits=0):
    """Run the command line in this interpreter's environment; return what it printed."""
    program = Path(sys.executable).with_name("torchapprox")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == exits, f"{words} exited with {done.returncode}:\n{done.stderr}"
    return done.stdout if exits == 0 else done.stderr


def check_files():
    """The packages come from an installation, with types and data."""
    for package in PACKAGES:
        folder = resources.files(package)
        assert "site-packages" in str(folder), f"{package.__name__} comes from {folder}"
        assert (folder / "py.typed").is_file(), f"{package.__name__} has no py.typed"
    assert (resources.files(analysis) / "templates" / "report.html").is_file()


def check_commands(folder):
    """Every command explains itself; the exit codes are those of a shell's commands."""
    assert metadata.version("torchapprox") in command("--version")
    assert "look-up kernel" in command("info")
    from analysis.commands import COMMANDS

    for word in COMMANDS:
        assert f"usage: torchapprox {word}" in command(word, "--help")
    assert "invalid choice" in command("absent", exits=2)
    assert "absent.v" in command("lut", "absent.v", "-o", f"{folder}/absent.npz", exits=1)


def check_table(folder):
    """A netlist becomes a table; the multiplier's closed form is the same one."""
    saved = folder / "demo.npz"
    command("lut", str(multipliers.demo_netlist()), "-o", str(saved))
    multiplier = multipliers.load(saved)
    np.testing.assert_array_equal(multiplier.lut, multipliers.get(multiplier.name).lut)
    return multiplier


def check_network(multiplier):
    """A converted layer takes the table's products; the exact table's are the quantised layer's."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 3))
    x = torch.randn(16, 5)
    torchapprox.approximate(model, multiplier, calibration=[x])
    model.eval()
    with torch.no_grad(), torchapprox.trace(model) as traced:
        found = model(x)
    assert len(traced) == 1
    ((_, layer),) = torchapprox.get_approx_modules(model)
    layer.inference_mode = torchapprox.InferenceMode.QUANTIZED
    with torch.no_grad():
        exact = model(x)
    assert found.shape == exact.shape == (16, 3)
    assert not torch.equal(found, exact), "the multiplier made no difference"
    layer.inference_mode = torchapprox.InferenceMode.APPROXIMATE
    layer.lut = multiplier.exact
    with torch.no_grad():
        torch.testing.assert_close(model(x), exact)


def main():
    """Look at the files, the commands, a table, a layer and the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-demo", action="store_true", help="stop before the main job")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_files()
        check_commands(folder)
        check_network(check_table(folder))
        if not arguments.without_demo:
            command("demo", "--quiet", "--output", str(folder / "report"))
            assert (folder / "report" / "report.html").stat().st_size > 100_000
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    print(f"torchapprox {metadata.version('torchapprox')} works with {versions}")


if __name__ == "__main__":
    main()
