"""Where the codes stand that the kernel for products of features reads along positions."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.results.sum_places import ONE_LINE


class CodePlanes(NamedTuple):
    """Codes of the operand that a product reads along positions.

    The code of group g, channel c, tap t and position m, which is element i of line l of an image,

        m = (image * L + l) * length + i,

    stands in one array of bytes at

        g * group_stride + c * channel_stride + image * image_stride
        + (lines[l] + taps[t] + i) * place_stride.

    Attributes:
        codes: uint8, one-dimensional.
        group_stride: Bytes from one group to the next.
        channel_stride: Bytes from one channel to the next.
        image_stride: Bytes from one image to the next.
        place_stride: Bytes from one place of a channel to the next.
        channels: Channels of a group.
        images: Number of images.
        taps: int64 `(T,)`, at least 0.
        lines: int64 `(L,)`, rising.
        length: Positions in a line.
    """

    codes: NDArray[np.uint8]
    group_stride: int
    channel_stride: int
    image_stride: int
    place_stride: int
    channels: int
    images: int
    taps: NDArray[np.int64]
    lines: NDArray[np.int64]
    length: int

    @property
    def positions(self) -> int:
        """Number of positions, M."""
        return self.images * len(self.lines) * self.length

    @classmethod
    def of_matrix(cls, codes: NDArray[np.uint8]) -> "CodePlanes":
        """Describe codes `(G, M, K)`, of which the last two axes may have changed places."""
        height, depth = codes.shape[1:]
        turned = codes.swapaxes(1, 2)
        along = codes.strides[2] == 1 or not turned.flags.c_contiguous
        memory: Any = np.ascontiguousarray(codes) if along else turned
        channel, place = (1, depth) if along else (height, 1)
        strides = height * depth, channel, 0, place
        return cls(memory.reshape(-1), *strides, depth, 1, ONE_LINE, ONE_LINE, height)
