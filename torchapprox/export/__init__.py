"""Approximate networks as plain ones, for `torch.export` and ONNX."""

from torchapprox.export.onnx import export_onnx
from torchapprox.export.plain_model import plain_model

__all__ = ["export_onnx", "plain_model"]
