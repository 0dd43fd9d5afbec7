"""CUDA kernels run on a device where there is one, else in Numba's simulator."""

import os

import torch

# Numba reads the variable when it is imported, so that nothing before this line may import it.
if not torch.cuda.is_available():
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
