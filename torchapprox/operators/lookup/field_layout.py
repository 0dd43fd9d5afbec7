"""The receptive fields of a convolution as the columns of a matrix, laid out line by line."""

import itertools
import math
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.kernels import lay_out_cpu
from torchapprox.operators.convolution.conv_lines import ConvShape

FIELD_BYTES = 2**20  # of receptive fields that are laid out at once; the caches hold them
_MOST_WASTE = 1.3  # positions computed for one that is kept, where lines need not be cut


class FieldLayout:
    """Where the receptive fields of a convolution stand in maps of features.

    A striding convolution sees every stride-th element of an axis, so that maps hold these
    together: an axis of size n becomes one of the stride s, the phase, and one of ceil(n / s).
    Within a phase, outputs that are neighbours see neighbours, and a line of outputs is copied at
    once. All lines of a plane are one where few positions lie between them; what is computed for
    these is cut out of the result.

    Args:
        shape: The convolution, without padding.
    """

    def __init__(self, shape: ConvShape) -> None:
        self._shape = shape
        output = shape.output_size
        axes = zip(shape.size, shape.stride, strict=True)
        self._sizes = tuple(-(-n // s) for n, s in axes)  # of a phase
        plane = math.prod(self._sizes)
        self._plane = plane * math.prod(shape.stride)  # of all phases of a channel
        dims = len(output)
        steps = [math.prod(self._sizes[axis + 1 :]) for axis in range(dims)]
        phases = [plane * math.prod(shape.stride[axis + 1 :]) for axis in range(dims)]
        self._pitch = self._length = output[-1]
        lines = dims - 1
        if lines and self._sizes[-1] <= _MOST_WASTE * output[-1]:
            lines -= 1
            self._pitch = self._sizes[-1]
            self._length = (output[-2] - 1) * self._pitch + output[-1]
        self._lines = _sums(
            np.arange(n) * step for n, step in zip(output[:lines], steps[:lines], strict=True)
        )
        taps = [np.arange(k) * d for k, d in zip(shape.kernel, shape.dilation, strict=True)]
        self._taps = _sums(
            tap % s * phase + tap // s * step
            for tap, s, phase, step in zip(taps, shape.stride, phases, steps, strict=True)
        )

    @property
    def positions(self) -> int:
        """Columns for one image, those included that are cut out."""
        return len(self._lines) * self._length

    @property
    def exact(self) -> bool:
        """Whether all columns are results."""
        return self._pitch == self._shape.output_size[-1]

    @property
    def in_place(self) -> bool:
        """Whether the maps of one image are its fields."""
        return self.exact and len(self._taps) == 1 and self._plane == self.positions

    def by_phase(self, x: Tensor) -> Tensor:
        """Return codes `(B, C, *size)` as `(B, C, *stride, *ceil(size / stride))`, contiguous."""
        stride = self._shape.stride
        if set(stride) == {1}:
            return x
        codes: Any = x.numpy()
        out: Any = np.zeros((*codes.shape[:2], *stride, *self._sizes), np.uint8)
        for phase in itertools.product(*map(range, stride)):
            axes = zip(phase, stride, strict=True)
            part = codes[(..., *(slice(start, None, step) for start, step in axes))]
            out[(slice(None), slice(None), *phase, *map(slice, part.shape[2:]))] = part
        return torch.from_numpy(out)

    def images(self, terms: int) -> Iterator[slice]:
        """Yield slices of the batch whose fields are of a size that caches hold."""
        image = terms * self._shape.depth * self.positions
        step = max(1, FIELD_BYTES // max(1, image))
        for first in range(0, self._shape.batch, step):
            yield slice(first, min(first + step, self._shape.batch))

    def fields(self, maps: Tensor) -> Tensor:
        """Return the fields of some images of one group, int8 `(K, images, positions)`.

        Args:
            maps: int8 `(images, terms, channels of the group * phases)`, the last two axes
                contiguous.
        """
        images, terms = maps.shape[:2]
        if self.in_place and images == 1:
            return maps.reshape(-1, 1, self.positions)
        channels = terms * self._shape.channels // self._shape.groups
        starts = np.add.outer(np.arange(channels) * self._plane, self._taps).reshape(-1)
        out = np.empty((len(starts), images, self.positions), np.int8)
        flat = maps.flatten(1).numpy()
        lay_out_cpu(flat, starts, self._lines, out, threads=torch.get_num_threads())
        return torch.from_numpy(out)

    def results(self, sums: Tensor) -> Tensor:
        """Return the sums `(N, images, positions)` that are results, `(N, images, *output_size)`.

        A view.
        """
        channels, images, positions = sums.shape
        output = self._shape.output_size
        if self.exact:
            return sums.view(channels, images, *output)
        outer = output[:-2]
        jumps = [self._length * math.prod(outer[axis + 1 :]) for axis in range(len(outer))]
        steps = (images * positions, positions, *jumps, self._pitch, 1)
        return sums.as_strided((channels, images, *output), steps)


def _sums(offsets: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the sums of one offset from each array, in the arrays' nesting order."""
    start = np.zeros(1, np.int64)
    return reduce(lambda a, b: np.add.outer(a, b).reshape(-1), offsets, start)
