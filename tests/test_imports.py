"""What importing the packages does not load: each would be waited for by all, and used by few."""

import subprocess
import sys

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
PLOTS = {"matplotlib", "sklearn", "jinja2", "optuna", "dask"}


def test_the_packages_without_torch():
    late = LATE | {"torch"}
    code = f"import sys, multipliers, htp; print(*sorted({late!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_torchapprox_loads_numba_with_the_first_kernel_and_sweeps_no_plots():
    code = (
        "import sys, torchapprox, torchapprox.layers, torchapprox.operators;"
        "import numpy as np; from torchapprox.kernels import histogram_cpu;"
        f"print(*sorted({LATE!r} & set(sys.modules))); counts = np.zeros((3, 256), np.int64);"
        "histogram_cpu(np.ones((1, 3), np.uint8), counts, threads=1);"
        "print('numba' in sys.modules, counts[:, 1].sum());"
        # What every worker of a sweep waits for.
        f"import analysis.sweeps; print(*sorted({PLOTS!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["", "True 3", ""]


def test_the_first_verilog_file_loads_its_parser():
    code = (
        "import sys, multipliers as m; before = 'pyslang' in sys.modules;"
        "m.parse_verilog('module inc(input [1:0] a, output [2:0] y); assign y = a + 1; endmodule');"
        "print(before, 'pyslang' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
