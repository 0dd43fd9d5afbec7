"""Products that are looked up in a table, on the CPU and on CUDA devices."""
