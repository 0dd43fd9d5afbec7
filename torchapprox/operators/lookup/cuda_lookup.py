"""Table products and convolutions on a CUDA device."""

from torch import Tensor

from torchapprox.kernels.fields import Fields
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.lookup.cpu_lookup import runs_x
from torchapprox.operators.lookup.device_table import device_table


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
    x_runs = runs_x(x, w)
    rows, runs = (w, x) if x_runs else (x, w)
    out, runs = result.mT if x_runs else result, runs.mT.contiguous()
    fields = Fields.of_matrix(*runs.shape[1:])
    _launch(lut, rows.contiguous(), runs, fields, out, least, by_x=not x_runs)


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
    rows = w.view(shape.groups, shape.rows, shape.depth)
    _launch(lut, rows, x, conv_fields(shape), out, least, by_x=False)


def _launch(
    lut: Tensor,
    rows: Tensor,
    codes: Tensor,
    fields: Fields,
    out: Tensor,
    least: int | None,
    *,
    by_x: bool,
) -> None:
    known = device_table(lut)
    if least is None:
        table = known.rows(by_x=by_x)
    else:
        # Bounds that a caller gave may be wider than the entries are.
        table, least = known.image(by_x=by_x), known.range[0]
    with cuda_device(lut.device) as stream:
        from torchapprox.kernels.lookup.lookup_cuda import lookup_cuda  # noqa: PLC0415

        table, rows, codes, out = map(device_array, (table, rows, codes.view(-1), out.view(-1)))
        lookup_cuda(table, rows, codes, fields, out, least=least, stream=stream)


def conv_fields(shape: ConvShape) -> Fields:
    """Return where the codes of a convolution's outputs stand, for kernels of three axes.

    Raises:
        NotImplementedError: The convolution has more than three axes.
    """
    if len(shape.size) > 3:
        raise NotImplementedError(
            "'x' must have at most three axes of positions on a CUDA device, got "
            f"{len(shape.size)}: {shape.size}"
        )

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
