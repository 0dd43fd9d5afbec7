"""Small blocks for the CUDA kernels where Numba's simulator runs them.

The simulator starts a Python thread for each thread of a block. Two warps have everything that more
have: a border between warps, and work that they share.
"""

import importlib

from torchapprox.operators.cuda_arrays import in_simulator

TWO_WARPS = {
    "lookup.lookup_cuda": {"THREADS": 64},
    "quantise.quantise_cuda": {"THREADS": 64},
    "lookup.saturating_cuda": {"THREADS": 64},
    "results.rescale_cuda": {"THREADS": 64, "STRIPE": 2},
    "lookup.table_gradient_cuda": {"WARPS": 2},
    "features.factors_cuda": {"THREADS": 64, "WARPS": 2},
}

if in_simulator():  # before tests import the sizes
    from tests.torchapprox import simulated_blocks

    simulated_blocks.install()
    for name, sizes in TWO_WARPS.items():
        kernels = importlib.import_module(f"torchapprox.kernels.{name}")
        for size, value in sizes.items():
            assert hasattr(kernels, size)
            setattr(kernels, size, value)
