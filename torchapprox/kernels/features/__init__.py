"""Products of a factorised table's features: in pairs of 16 bits, in bytes, and on CUDA devices."""
