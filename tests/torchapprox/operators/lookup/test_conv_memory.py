"""Memory of a convolution beside its input and output, by the operating system's account."""

import subprocess
import sys
from pathlib import Path

import pytest

from torchapprox.kernels.compiling.cpu_kernel import available_kernels

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux"),
]

CASES = {
    "stride 1": ((64, 64, 66, 66), (64, 64, 3, 3), (1, 1), (1, 1), 1),
    "stride 2": ((64, 64, 66, 66), (64, 64, 3, 3), (2, 2), (1, 1), 1),
    "groups": ((64, 64, 66, 66), (64, 16, 3, 3), (1, 1), (1, 1), 4),
    "depthwise": ((64, 128, 66, 66), (128, 1, 3, 3), (1, 1), (1, 1), 128),
    "all": ((64, 64, 66, 66), (64, 16, 3, 3), (2, 2), (2, 2), 4),
}

# A process of its own, so that no memory is left from earlier to take again unseen.
SCRIPT = """
import sys
from pathlib import Path

import torch

from torchapprox.operators.lookup.lut_conv import lut_conv

x_size, w_size, stride, dilation, groups = eval(sys.argv[1])


def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


lut = torch.randint(-(2**15), 2**15, (256, 256), dtype=torch.int32).T
x = torch.randint(0, 256, x_size, dtype=torch.uint8)
w = torch.randint(0, 256, w_size, dtype=torch.uint8)
steps = {"stride": stride, "dilation": dilation, "groups": groups, "engine": "lookup"}
lut_conv(x[:2], w, lut, **steps)  # compiles and starts threads
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
y = lut_conv(x, w, lut, **steps)
extra = 1024 * (kilobytes("VmHWM") - before) - y.numel() * y.element_size()
print(extra / x.numel())
"""


@pytest.mark.parametrize("case", CASES)
def test_extra_memory_is_at_most_twice_the_input(case):
    if case == "depthwise" and available_kernels()[0] in ("expanded", "portable"):
        pytest.skip("faster laid out without AVX2")
    command = [sys.executable, "-c", SCRIPT, repr(CASES[case])]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert float(output) < 2
