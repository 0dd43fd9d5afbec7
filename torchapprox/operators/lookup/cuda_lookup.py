"""Table products and convolutions on a CUDA device."""

from torch import Tensor

from torchapprox.kernels.fields import Fields
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.lookup.cpu_lookup import arrange, runs_x

MOST_SPAN = 2**16 - 1  # of the entries of a table that is kept in 16 bits


def least_of_image(lut_range: tuple[int, int], *, wide: bool) -> int | None:
    """Return the least entry of a table that the kernels keep in 16 bits, None of any other one.

    Args:
        lut_range: Bounds on the table's entries.
        wide: Whether sums may not fit int32.
    """
    least, greatest = lut_range
    return None if wide or greatest - least > MOST_SPAN else least


def cuda_lookup(x: Tensor, w: Tensor, lut: Tensor, result: Tensor, least: int | None) -> None:
    """Fill ``result`` with the table product of two code matrices, on the current stream.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        lut: Products, int32 `(256, 256)`.
        result: int32 or int64 `(G, M, N)`, contiguous, or where `runs_x` says so the transpose of a
            contiguous tensor.
        least: What `least_of_image` returned.
    """
    out = result.mT if runs_x(x, w) else result
    table, rows, runs = arrange(x, w, lut)
    _launch(table, rows, runs, Fields.of_matrix(*runs.shape[1:]), out, least)


def cuda_conv(
    x: Tensor, w: Tensor, lut: Tensor, shape: ConvShape, out: Tensor, least: int | None
) -> None:
    """Fill ``out`` with a convolution, reading the activations in place, on the current stream.

    Args:
        x: Activation codes, uint8 `(B, C, *size)`, padded, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        lut: Products, int32 `(256, 256)`.
        shape: The convolution, of one to three axes.
        out: int32 or int64 `(B, N, *output_size)`, contiguous.
        least: What `least_of_image` returned.

    Raises:
        NotImplementedError: The convolution has more than three axes.
    """
    if len(shape.size) > 3:
        raise NotImplementedError(
            f"'x' must have at most three axes of positions on a CUDA device, got {tuple(x.shape)}"
        )
    rows = w.view(shape.groups, shape.rows, shape.depth)
    _launch(lut.T.contiguous(), rows, x, _conv_fields(shape), out, least)


def _launch(
    table: Tensor, rows: Tensor, codes: Tensor, fields: Fields, out: Tensor, least: int | None
) -> None:
    with cuda_device(table.device) as stream:
        from torchapprox.kernels.lookup_cuda import lookup_cuda  # noqa: PLC0415

        if least is not None:
            table = table_image(table, least)
        table, rows, codes, out = map(device_array, (table, rows, codes.view(-1), out.view(-1)))
        lookup_cuda(table, rows, codes, fields, out, least=least, stream=stream)


def table_image(table: Tensor, least: int) -> Tensor:
    """Return a table's entries less ``least`` in 16 bits, as `lookup_cuda` takes them.

    Examples:
        >>> import torch
        >>> table = torch.arange(256).repeat(256, 1).int() - 5
        >>> table_image(table, -5)[7, 3] == 3 + (131 << 16)
        tensor(True)
    """
    entries = table - least
    return entries[:, :128] | (entries[:, 128:] << 16)


def _conv_fields(shape: ConvShape) -> Fields:
    def axes(sizes: tuple[int, ...]) -> tuple[int, int, int]:
        first, second, third = (1,) * (3 - len(sizes)) + sizes
        return first, second, third

    return Fields(
        batch=shape.batch,
        channels=shape.channels // shape.groups,
        size=axes(shape.size),
        kernel=axes(shape.kernel),
        stride=axes(shape.stride),
        dilation=axes(shape.dilation),
        output=axes(shape.output_size),
    )
