"""The traces of a model's layers, together and on disk."""

import io
import json
import os
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from multipliers.bounded_json import read_json
from multipliers.parameters import check_kind, check_path
from multipliers.shortened import reason
from multipliers.whole_file import write_whole
from torchapprox.tracing.layer_trace import LayerTrace
from torchapprox.tracing.operand_sample import OperandSample

FORMAT = "torchapprox trace"
VERSION = 2
MOST_BYTES = 1 << 32
"""Size of a trace's arrays above which `Trace.load` has to be told that they are wanted (4 GiB)."""

_MOST_HEADER_BYTES = 1 << 26

_LAYER_ARRAYS = ("w_zero_point", "scale", "x_counts", "joint_counts")
_SAMPLE_ARRAYS = tuple(field.name for field in fields(OperandSample))
_ARRAYS = _LAYER_ARRAYS + _SAMPLE_ARRAYS
_SCALARS = tuple(
    field.name for field in fields(LayerTrace) if field.name not in {*_LAYER_ARRAYS, "sample"}
)


class Trace(Mapping[str, LayerTrace]):
    """The traces of a model's approximate layers by name, for layers that ran.

    Args:
        layers: Traces by layer name.
    """

    def __init__(self, layers: Mapping[str, LayerTrace]) -> None:
        check_kind("layers", layers, Mapping)
        self._layers = layers

    def __getitem__(self, name: str) -> LayerTrace:
        try:
            return self._layers[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise KeyError(f"no layer {name!r} in the trace; there are {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def save(self, path: str | Path) -> None:
        """Write all traces as one ``.npz`` file, which appears whole or not at all.

        The file holds arrays and a header of JSON text; reading it executes nothing.

        Args:
            path: The file.

        Raises:
            OSError: The file cannot be written.
        """
        header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "layers": []}
        arrays: dict[str, Any] = {}
        for number, layer in enumerate(self.values()):
            header["layers"].append({name: getattr(layer, name) for name in _SCALARS})
            own = {name: getattr(layer, name) for name in _LAYER_ARRAYS}
            own |= {name: getattr(layer.sample, name) for name in _SAMPLE_ARRAYS}
            arrays |= {f"{number}/{name}": array for name, array in own.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, header=np.array(json.dumps(header)), **arrays)
        write_whole(check_path("path", path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path, *, most_bytes: int = MOST_BYTES) -> "Trace":
        """Read what `save` wrote.

        Args:
            path: The file.
            most_bytes: Greatest size of all arrays in bytes; bounds the memory of a bad file.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is damaged, too large, of a later version, or holds something else.

        Examples:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Trace({}).save(Path(folder, "trace.npz"))
            ...     len(Trace.load(Path(folder, "trace.npz")))
            0
        """
        with check_path("path", path).open("rb") as content:
            try:
                layers = _read(content, most_bytes)
            except (
                AttributeError,
                EOFError,
                KeyError,
                MemoryError,
                RuntimeError,
                SyntaxError,
                TypeError,
                ValueError,
                zipfile.BadZipFile,
                tokenize.TokenError,
                zlib.error,
            ) as error:
                raise ValueError(f"{path}: not a readable trace: {reason(error)}") from error
        return cls({layer.name: layer for layer in layers})


def _read(content: BinaryIO, most_bytes: int) -> list[LayerTrace]:
    # An archive is read from its end, which devices and pipes have not.
    state = os.fstat(content.fileno())
    if not stat.S_ISREG(state.st_mode):
        raise ValueError("it must be a regular file, got a device or a pipe")
    with zipfile.ZipFile(content) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    if sizes.get("header.npy", 0) > _MOST_HEADER_BYTES or sum(sizes.values()) > most_bytes:
        raise ValueError(
            f"its arrays must have at most {most_bytes} bytes, {_MOST_HEADER_BYTES} of them in the "
            f"header, got {sum(sizes.values())}; state a greater 'most_bytes' if it is yours"
        )
    content.seek(0)
    with np.load(content, allow_pickle=False) as file:
        header = _header(read_json(str(file["header"])))
        return [
            _layer(scalars, {name: file[f"{number}/{name}"] for name in _ARRAYS})
            for number, scalars in enumerate(header["layers"])
        ]


def _header(header: Any) -> dict[str, Any]:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("it has another header")
    if header["version"] != VERSION:
        raise ValueError(
            f"it is of version {header['version']}, this program reads version {VERSION}; "
            "trace the model again"
        )
    return header


def _layer(scalars: dict[str, Any], arrays: dict[str, Any]) -> LayerTrace:
    """Make one layer's trace; raises ValueError where its parts do not fit together."""
    sample = OperandSample(**{name: arrays.pop(name) for name in _SAMPLE_ARRAYS})
    scalars["sample_shape"] = tuple(scalars["sample_shape"])
    layer = LayerTrace(**scalars, **arrays, sample=sample)
    channels, depth = layer.out_channels, layer.fan_in
    blocks, columns, _ = sample.w_codes.shape
    rows = sample.x_codes.shape[1]
    x_places, w_places = (
        ((0, 0),) * 2 if layer.fixed_weights else ((blocks, rows), (blocks, columns))
    )
    expected: dict[str, tuple[npt.NDArray[Any], npt.DTypeLike, tuple[int, ...]]] = {
        "w_zero_point": (layer.w_zero_point, np.int64, (channels,)),
        "scale": (layer.scale, np.float64, (channels,)),
        "x_counts": (layer.x_counts, np.int64, (layer.groups * depth, 256)),
        "joint_counts": (layer.joint_counts, np.int64, (256, 256)),
        "x_codes": (sample.x_codes, np.uint8, (blocks, rows, depth)),
        "w_codes": (sample.w_codes, np.uint8, (blocks, columns, depth)),
        "x_places": (sample.x_places, np.int64, x_places),
        "w_places": (sample.w_places, np.int64, w_places),
    }
    for name, (array, dtype, shape) in expected.items():
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"'{name}' of layer {layer.name!r} must be {np.dtype(dtype)} {shape}, "
                f"got {array.dtype} {array.shape}"
            )
    if layer.fixed_weights and blocks * columns != channels:
        raise ValueError(f"layer {layer.name!r} must have weights of {channels} channels")
    return layer
