"""The operands of one layer in the order in which a single multiplier would compute them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from multipliers.formats.arrays import read_arrays
from multipliers.parameters import check_kind, check_parameter, check_path
from multipliers.whole_file import write_whole
from torchapprox import GemmOperands, get_approx_modules, observe_operands
from torchapprox.batches import run_batch, several

DEFAULT_LIMIT = 100_000
_MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class OperandStream:
    """Pairs of operand codes, one multiplication after the other.

    Attributes:
        x_codes: Codes of the activations, uint8 `(pairs,)`.
        w_codes: Codes of the weights, uint8 `(pairs,)`.

    Raises:
        TypeError: If an array is not uint8.
        ValueError: If the arrays are not one-dimensional and equally long.
    """

    x_codes: NDArray[np.uint8]
    w_codes: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name, codes in (("x_codes", self.x_codes), ("w_codes", self.w_codes)):
            check_kind(name, codes, np.ndarray)
            if codes.dtype != np.uint8:
                raise TypeError(f"'{name}' must be uint8 (pairs,), got {codes.dtype}")
        if self.x_codes.ndim != 1 or self.x_codes.shape != self.w_codes.shape:
            raise ValueError(
                "'x_codes' and 'w_codes' must be (pairs,), equally long, "
                f"got {self.x_codes.shape} and {self.w_codes.shape}"
            )

    def __len__(self) -> int:
        return len(self.x_codes)

    @property
    def joint_counts(self) -> NDArray[np.int64]:
        """How often each pair of codes occurs, int64 `(256, 256)`, row = code of the activation.

        Examples:
            >>> stream = OperandStream(np.array([3, 3], np.uint8), np.array([255, 255], np.uint8))
            >>> int(stream.joint_counts[3, 255])
            2
        """
        pairs = self.x_codes.astype(np.int64) << 8 | self.w_codes
        return np.bincount(pairs, minlength=1 << 16).reshape(256, 256)

    def port_bits(self, x_width: int, w_width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return what ports of up to 8 bits read of the codes: their low bits.

        Args:
            x_width: Width of the activations' port in bits.
            w_width: Width of the weights' port in bits.

        Returns:
            Bits of each operand, uint8 `(pairs,)`.

        Raises:
            ValueError: If a code is of a value that no port of this width accepts, signed or not.

        Examples:
            >>> stream = OperandStream(np.array([7, 248], np.uint8), np.array([1, 3], np.uint8))
            >>> stream.port_bits(4, 2)[0].tolist()  # 7 and -8
            [7, 8]
        """
        return (
            _low_bits("activations", self.x_codes, x_width),
            _low_bits("weights", self.w_codes, w_width),
        )

    def save(self, path: str | Path) -> None:
        """Write the stream as an ``.npz`` with the arrays ``x_codes`` and ``w_codes``."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, x_codes=self.x_codes, w_codes=self.w_codes)
        write_whole(check_path("path", path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> OperandStream:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged or holds something else.
        """
        arrays = read_arrays(check_path("path", path), most=_MOST_BYTES)
        try:
            return cls(arrays["x_codes"], arrays["w_codes"])
        except KeyError as error:
            raise ValueError(f"{path}: not an operand stream, there is no {error}") from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: not an operand stream: {error}") from None


def _low_bits(operand: str, codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    lost = codes[(codes >= 1 << width) & (codes < 256 - (1 << width - 1))]
    if len(lost):
        raise ValueError(f"{operand} must fit a port of {width} bits, got code {lost[0]}")
    return codes & np.uint8((1 << width) - 1)


def record_stream(
    model: nn.Module, layer: str, batches: Iterable[Tensor], *, limit: int = DEFAULT_LIMIT
) -> OperandStream:
    """Record the operands of a layer's products while a model runs.

    The order is that of the loops over groups, output positions, output channels and, innermost,
    the products of one output.

    Args:
        model: A converted model, in whichever mode it is; see `torchapprox.approximate`.
        layer: Name of the layer, as `torchapprox.get_approx_modules` gives it.
        batches: Inputs of the model; no more are taken than needed.
        limit: Largest number of pairs, at least 1; the first ones are kept.

    Returns:
        The stream, of `limit` pairs or of as many as there are.

    Raises:
        LookupError: If the model has no approximate layer of that name.
        ValueError: If `limit` is less than 1, or no batch reached the layer.

    Examples:
        >>> import torchapprox
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> stream = record_stream(model, "0.wrapped", [x])
        >>> len(stream), bool((stream.x_codes[:4] == stream.x_codes[4:8]).all())
        (768, True)
    """
    check_kind("model", model, nn.Module)
    known = [name for name, _ in get_approx_modules(model)]
    check_kind("layer", layer, str)
    if layer not in known:
        raise LookupError(f"no approximate layer '{layer}'; the model has {', '.join(known)}")
    limit = check_parameter("limit", limit, 1)
    parts: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    missing = limit

    def record(name: str, operands: GemmOperands, _: Tensor) -> None:
        nonlocal missing
        if name == layer and missing > 0:
            parts.append(_in_order(operands, missing))
            missing -= len(parts[-1][0])

    with torch.no_grad(), observe_operands(model, record):
        for batch in several(batches):
            run_batch(model, batch)
            if missing <= 0:
                break
    if not parts:
        raise ValueError(f"'batches' must reach layer '{layer}', got none that does")
    x_codes, w_codes = (np.concatenate(codes) for codes in zip(*parts, strict=True))
    return OperandStream(x_codes, w_codes)


def _in_order(operands: GemmOperands, limit: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the first pairs in the order (group, row, column, k), at most `limit`."""
    x, w = operands.x_codes.cpu().numpy(), operands.w_codes.cpu().numpy()
    groups, rows, depth = x.shape
    columns = w.shape[1]
    number = np.arange(min(limit, groups * rows * columns * depth))
    k, output = number % depth, number // depth
    column, position = output % columns, output // columns
    group, row = position // rows, position % rows
    return x[group, row, k], w[group, column, k]
