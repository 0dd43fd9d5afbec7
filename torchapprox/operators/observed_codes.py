"""Activation codes as a trace looks at them: some rows, and counts by input position."""

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import gather_cpu, histogram_cpu, window_histogram_cpu
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.padding import Margins
from torchapprox.operators.remembered import remembered

Codes = NDArray[np.uint8]


class ObservedCodes(Protocol):
    """The activation codes of one call of a layer, of G groups with K input positions each."""

    @property
    def codes(self) -> Codes:
        """The codes as they stand, uint8, C-contiguous, samples along the first axis."""

    @property
    def rows(self) -> int:
        """Rows of the matrix product, M."""

    @property
    def positions(self) -> int:
        """Input positions of all groups, G * K."""

    @property
    def layout(self) -> tuple[object, ...]:
        """Equal for codes that may be counted together."""

    def with_codes(self, codes: Codes) -> Self:
        """Return the same of other samples."""

    def add_counts(self, counts: NDArray[Any]) -> None:
        """Add how often each code occurs at each input position.

        Args:
            counts: Integers `(G * K, 256)` of a type that holds the counts; added to.
        """

    def copy_rows(self, items: NDArray[np.intp], out: Codes, places: NDArray[np.intp]) -> None:
        """Copy some rows.

        Args:
            items: Which, R numbers below M.
            out: uint8 `(G, S, K)`, C-contiguous.
            places: Where they go along its second axis, R different numbers below S.
        """


@dataclass(frozen=True)
class MatrixCodes:
    """Codes of a matrix product; see `ObservedCodes`.

    Attributes:
        codes: uint8 `(M, G * K)`.
        groups: Number of groups, G.

    Examples:
        >>> counts = np.zeros((2, 256), np.int64)
        >>> MatrixCodes(np.array([[7, 9], [7, 8]], np.uint8), 1).add_counts(counts)
        >>> counts[0, 7:10].tolist(), counts[1, 7:10].tolist()
        ([2, 0, 0], [0, 1, 1])
    """

    codes: Codes
    groups: int

    @classmethod
    def of(cls, x_codes: Tensor) -> Self:
        """Return those of activation codes, uint8 `(G, M, K)`, of any layout."""
        groups, rows, depth = x_codes.shape
        one = groups == 1
        by_row = x_codes[0] if one else x_codes.transpose(0, 1).reshape(rows, groups * depth)
        return cls(host_array(by_row), groups)

    @property
    def rows(self) -> int:
        """Rows of the matrix product, M."""
        return len(self.codes)

    @property
    def positions(self) -> int:
        """Input positions of all groups, G * K."""
        return int(self.codes.shape[1])

    @property
    def layout(self) -> tuple[object, ...]:
        """Equal for codes that may be counted together."""
        return self.codes.shape[1:]

    def with_codes(self, codes: Codes) -> Self:
        """Return the same of other samples."""
        return replace(self, codes=codes)

    def add_counts(self, counts: NDArray[Any]) -> None:
        """Add how often each code occurs at each input position."""
        histogram_cpu(self.codes, counts, threads=torch.get_num_threads())

    def copy_rows(self, items: NDArray[np.intp], out: Codes, places: NDArray[np.intp]) -> None:
        """Copy some rows."""
        rows = self.codes[items].reshape(len(items), self.groups, out.shape[2])
        out[:, places] = rows.transpose(1, 0, 2)


@dataclass(frozen=True)
class WindowCodes:
    """Codes that a convolution's receptive fields share; see `ObservedCodes`.

    Attributes:
        codes: uint8 `(B, C, *size)`, padded.
        shape: The convolution, without padding; of any batch.
        margins: Elements of padding before and after each axis, where these are one code; or empty.
    """

    codes: Codes
    shape: ConvShape
    margins: Margins = ()

    @property
    def rows(self) -> int:
        """Rows of the matrix product, M = B * prod(output size)."""
        return len(self.codes) * math.prod(self.shape.output_size)

    @property
    def positions(self) -> int:
        """Input positions of all groups, G * K."""
        return self.shape.groups * self.shape.depth

    @property
    def layout(self) -> tuple[object, ...]:
        """Equal for codes that may be counted together."""
        shape = self.shape
        return self.codes.shape[1:], shape.kernel, shape.stride, shape.dilation, self.margins

    def with_codes(self, codes: Codes) -> Self:
        """Return the same of other samples."""
        return replace(self, codes=codes)

    def add_counts(self, counts: NDArray[Any]) -> None:
        """Add how often each code occurs at each input position."""
        shape = self.shape
        window_histogram_cpu(
            self.codes,
            counts,
            kernel=shape.kernel,
            stride=shape.stride,
            dilation=shape.dilation,
            output=shape.output_size,
            margins=self.margins,
            threads=torch.get_num_threads(),
        )

    def copy_rows(self, items: NDArray[np.intp], out: Codes, places: NDArray[np.intp]) -> None:
        """Copy some rows."""
        first, taps = _places(self.shape)
        images, positions = np.divmod(items, len(first))
        starts = images * math.prod(self.codes.shape[1:]) + first[positions]
        gather_cpu(
            self.codes.reshape(-1), starts, taps, places, out, threads=torch.get_num_threads()
        )


def _found_places(shape: ConvShape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where receptive fields stand in one image, and where their codes from there.

    Returns:
        int64 `(prod(output size),)` and `(G, K)`.
    """
    steps = [math.prod(shape.size[axis + 1 :]) for axis in range(len(shape.size))]
    first = np.zeros(1, np.int64)
    for count, step, stride in zip(shape.output_size, steps, shape.stride, strict=True):
        first = np.add.outer(first, np.arange(count) * step * stride).reshape(-1)
    taps = np.arange(shape.channels) * math.prod(shape.size)
    for count, step, dilation in zip(shape.kernel, steps, shape.dilation, strict=True):
        taps = np.add.outer(taps, np.arange(count) * step * dilation)
    return first, taps.reshape(shape.groups, shape.depth)


_places = remembered(_found_places)


def host_array(codes: Tensor) -> Codes:
    """Return codes in the host's memory, C-contiguous; a copy only where they are not."""
    whole = codes.contiguous()
    array: Codes = (whole if whole.is_cpu else whole.cpu()).numpy()
    return array


def rows_of_matrices(
    codes: Tensor, matrices: NDArray[np.intp], rows: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Return some rows of some matrices.

    Args:
        codes: uint8 `(G, M, K)`, of any layout.
        matrices: Which matrices, A numbers below G.
        rows: Which rows of each, `(A, R)` numbers below M.

    Returns:
        uint8 `(A, R, K)`.

    Examples:
        >>> codes = torch.arange(12, dtype=torch.uint8).view(2, 3, 2)
        >>> rows_of_matrices(codes, np.array([1]), np.array([[2, 0]])).tolist()
        [[[10, 11], [6, 7]]]
    """
    if codes.is_cpu and codes.is_contiguous():
        # A quarter of the time that two indices take.
        count, height, depth = codes.shape
        numbers = matrices[:, None] * height + rows
        return codes.numpy().reshape(count * height, depth).take(numbers, axis=0)
    if codes.is_cpu:
        chosen: NDArray[np.uint8] = codes.numpy()[matrices[:, None], rows]
        return chosen
    places = torch.from_numpy(matrices)[:, None], torch.from_numpy(rows)
    of_device: NDArray[np.uint8] = codes[places[0].to(codes.device), places[1]].cpu().numpy()
    return of_device
