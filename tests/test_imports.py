"""What importing the packages does not load: each would be waited for by all, and used by few."""

import subprocess
import sys

import pytest

LATE = {
    "pyslang",
    "pandas",
    "matplotlib",
    "sklearn",
    "scipy.stats",
    "onnx",
    "optuna",
    "dask",
}
OF_TORCH = {"torch", "numba", "llvmlite"}


@pytest.mark.parametrize(
    ("package", "late"),
    [("multipliers", LATE | OF_TORCH), ("htp", LATE | OF_TORCH), ("torchapprox", LATE)],
)
def test_not_loaded(package, late):
    code = f"import sys, {package}; print(*sorted({late!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_first_verilog_file_loads_its_parser():
    code = (
        "import sys, multipliers as m; before = 'pyslang' in sys.modules;"
        "m.parse_verilog('module inc(input [1:0] a, output [2:0] y); assign y = a + 1; endmodule');"
        "print(before, 'pyslang' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
