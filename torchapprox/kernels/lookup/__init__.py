"""Sums of table look-ups and their gradients: portable, in vector registers, and for CUDA."""
