"""Quantisers that fit a multiplier's ports, and the one door to `torch.ao`."""

from torchapprox.quantisation.quantisers import qconfig

__all__ = ["qconfig"]
