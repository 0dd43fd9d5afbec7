"""Approximate networks as ONNX files."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from htp.factorisation.factorise import DEFAULT_MAX_RANK
from multipliers.parameters import check_path
from multipliers.whole_file import write_whole
from torchapprox.export.plain_model import PlainQuantised, PlainQuantisedMatmul, plain_model

OPSET = 18
OLDEST_DYNAMO = "2.9"
"""PyTorch whose newer exporter takes batches of any size; that of 2.6 refuses them."""


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
        options: Further arguments of `torch.onnx.export`, such as ``dynamic_axes``. By default its
            tracing exporter writes the file; ``dynamo=True`` asks for the newer one, which takes
            ``dynamic_shapes`` instead. With ``external_data=True`` that one writes the weights to
            a file beside the first, for networks beyond 2 GB; these two files are not whole
            before the call returns.

    Raises:
        ImportError: The packages ``onnx`` and ``onnxscript`` are missing.
        NotImplementedError: As `plain_model`; or ``dynamo=True`` with PyTorch before 2.9, or with
            a layer in QUANTIZED mode.
        OSError: The file cannot be written; an older one is still as it was.
        RuntimeError: As `plain_model`.
    """
    path = check_path("path", path)
    try:
        import onnx  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError("ONNX export needs: pip install 'torchapprox[onnx]'") from error
    settings = {"opset_version": OPSET, "dynamo": False, **options}
    if settings["dynamo"] and torch.__version__ < OLDEST_DYNAMO:
        raise NotImplementedError(
            f"dynamo=True needs PyTorch {OLDEST_DYNAMO} or newer, got {torch.__version__}: leave "
            "it out, or update PyTorch"
        )
    arguments = (example,) if isinstance(example, torch.Tensor) else example
    plain = plain_model(model, max_rank=max_rank)
    if settings["dynamo"]:
        _check_dynamo(plain)
        settings = {"external_data": False, **settings}
        if settings["external_data"]:  # the first file names the second
            torch.onnx.export(plain, arguments, str(path), **settings)
            return
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "model.onnx"
        torch.onnx.export(plain, arguments, str(whole), **settings)
        write_whole(path, whole.read_bytes())


def _check_dynamo(plain: nn.Module) -> None:
    for name, module in plain.named_modules():
        if isinstance(module, PlainQuantised | PlainQuantisedMatmul):
            # Of their fake-quantisers it writes files that ONNX Runtime refuses, and it fails
            # where a shape is dynamic (seen with PyTorch 2.13).
            raise NotImplementedError(
                f"layer {name!r} is in QUANTIZED mode, which is not exported with dynamo=True: "
                "leave it out, or set the layer to APPROXIMATE mode"
            )
