"""What compiles kernels: Numba's settings and cache, pieces called by address, words of LLVM."""
