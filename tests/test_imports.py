"""What importing the packages does not load: each would be waited for by all, and used by few."""

import subprocess
import sys

import pytest

LATE = {
    "pyslang",
    "pandas",
    "matplotlib",
    "sklearn",
    "scipy",
    "onnx",
    "optuna",
    "dask",
    "numba",
    "llvmlite",
}


@pytest.mark.parametrize(
    ("packages", "late"),
    [
        ("multipliers, htp", LATE | {"torch"}),
        ("torchapprox, torchapprox.layers, torchapprox.operators", LATE),
    ],
)
def test_not_loaded(packages, late):
    code = f"import sys, {packages}; print(*sorted({late!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_first_kernel_loads_numba():
    code = (
        "import sys, numpy as np; from torchapprox.kernels import histogram_cpu;"
        "before = 'numba' in sys.modules; counts = np.zeros((3, 256), np.int64);"
        "histogram_cpu(np.ones((1, 3), np.uint8), counts, threads=1);"
        "print(before, 'numba' in sys.modules, counts[:, 1].sum())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "3"]


def test_the_first_verilog_file_loads_its_parser():
    code = (
        "import sys, multipliers as m; before = 'pyslang' in sys.modules;"
        "m.parse_verilog('module inc(input [1:0] a, output [2:0] y); assign y = a + 1; endmodule');"
        "print(before, 'pyslang' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
