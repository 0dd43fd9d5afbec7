"""Where the codes stand that each output of a convolution or a matrix product sees."""

from typing import NamedTuple


class Fields(NamedTuple):
    """Receptive fields in a batch of images of three axes; fewer axes have leading ones.

    Attributes:
        batch: Images, B.
        channels: Channels of one group, C.
        size: Size of an image along each axis.
        kernel: Size of the kernel along each axis; K = C * prod(kernel).
        stride: Steps of the output along each axis.
        dilation: Steps of the kernel along each axis.
        output: Size of the output along each axis, P = prod(output).
    """

    batch: int
    channels: int
    size: tuple[int, int, int]
    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    output: tuple[int, int, int]

    @classmethod
    def of_matrix(cls, depth: int, positions: int) -> "Fields":
        """Return the fields of a matrix product: codes `(K, M)`, one image of K channels."""
        one = (1, 1, 1)
        line = (1, 1, positions)
        return cls(1, depth, line, one, one, one, line)
