"""Approximate networks as ONNX files."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from htp.factorisation.factorise import DEFAULT_MAX_RANK
from multipliers.whole_file import write_whole
from torchapprox.export.plain_model import plain_model

OPSET = 18


def export_onnx(
    model: nn.Module,
    example: torch.Tensor | tuple[Any, ...],
    path: str | Path,
    *,
    max_rank: int = DEFAULT_MAX_RANK,
    **options: Any,
) -> None:
    """Write a converted model as an ONNX file that runs without torchapprox.

    Layers in QUANTIZED mode become QuantizeLinear and DequantizeLinear around the exact layer
    (QDQ), layers in APPROXIMATE mode Gather and MatMul (of convolutions Gather and Conv) on the
    factors of their table, with the very integers that the multiplier gives; see `plain_model`.

    Args:
        model: A converted model with frozen quantisers.
        example: An input, or a tuple of the model's inputs.
        path: The file, which appears whole or not at all.
        max_rank: As `plain_model` takes it.
        options: Further arguments of `torch.onnx.export`, such as ``dynamic_axes``.

    Raises:
        ImportError: The packages ``onnx`` and ``onnxscript`` are missing.
        NotImplementedError: As `plain_model`.
        OSError: The file cannot be written; an older one is still as it was.
        RuntimeError: As `plain_model`.
    """
    try:
        import onnx  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError("ONNX export needs: pip install 'torchapprox[onnx]'") from error
    arguments = (example,) if isinstance(example, torch.Tensor) else example
    settings = {"opset_version": OPSET, "dynamo": False, **options}
    plain = plain_model(model, max_rank=max_rank)
    if settings["dynamo"]:  # that exporter writes large weights beside the file
        torch.onnx.export(plain, arguments, str(path), **settings)
        return
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "model.onnx"
        torch.onnx.export(plain, arguments, str(whole), **settings)
        write_whole(Path(path), whole.read_bytes())
