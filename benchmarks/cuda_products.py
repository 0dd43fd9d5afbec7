"""Products on a CUDA device: compared with the CPU integer for integer, and timed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numba import cuda as _cuda
from torch import Tensor

from benchmarks.cases import full_rank, low_rank
from benchmarks.device_times import Row, median_seconds
from torchapprox import lut_matmul
from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.rescale import rescale
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.gradients import table_gradient
from torchapprox.operators.lookup.lut_conv import lut_conv
from torchapprox.operators.lookup.saturating_matmul import saturating_matmul

cuda: Any = _cuda  # its members exist only where a driver or the simulator does
RANGE = (-(2**15), 2**15 - 1)
RANKS = (1, 4)


@dataclass(frozen=True)
class Sizes:
    """What is checked and timed.

    Attributes:
        checked: G, M, N and K of products that are compared.
        products: M, N and K of products that are timed.
        convolutions: B, C, side, N, kernel and groups of convolutions that are timed.
        images: B, C and side of activations.
        gradient: Rows, columns and K of a gradient by look-ups.
    """

    checked: tuple[tuple[int, int, int, int], ...] = (
        (1, 1, 1, 1), (2, 5, 1000, 77), (1, 1000, 9, 300), (2, 513, 130, 65), (1, 40, 32, 70_000),
    )  # fmt: skip
    products: tuple[tuple[int, int, int], ...] = (
        (4096, 1024, 1024), (100_352, 64, 576), (3152, 768, 3072), (256, 4096, 4096),
    )  # fmt: skip
    convolutions: tuple[tuple[int, ...], ...] = (
        (32, 64, 56, 64, 3, 1), (32, 256, 56, 64, 1, 1), (32, 512, 7, 512, 3, 1),
        (32, 384, 14, 384, 3, 384),
    )  # fmt: skip
    images: tuple[int, int, int] = (32, 256, 56)
    gradient: tuple[int, int, int] = (1024, 1024, 512)


def tables() -> dict[str, Tensor]:
    """Return a table of full rank and those of low ranks."""
    low = {f"rank {rank}": torch.tensor(low_rank(rank).lut) for rank in RANKS}
    return {"full rank": torch.tensor(full_rank().lut), **low}


def codes(*shape: int, device: torch.device) -> Tensor:
    """Return random codes."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(0, 256, shape, generator=generator).to(torch.uint8).to(device)


def check(device: torch.device, sizes: Sizes = Sizes()) -> Iterator[Row]:
    """Compare with the CPU.

    Raises:
        AssertionError: An integer differs.
    """
    cpu, count = torch.device("cpu"), 0
    wide = torch.randint(*(-(2**31), 2**31), (256, 256), generator=torch.Generator().manual_seed(0))
    for name, lut in {**tables(), "wide": wide.to(torch.int32)}.items():
        engines = ("lookup", "factors") if name.startswith("rank") else ("lookup",)
        for engine in engines:
            for groups, m, n, k in sizes.checked:
                x, w = codes(groups, m, k, device=cpu), codes(groups, n, k, device=cpu)
                y = lut_matmul(x.to(device), w.to(device), lut.to(device), engine=engine)
                assert torch.equal(y.cpu(), lut_matmul(x, w, lut)), (name, engine, m, n, k)
            for groups, channels, rows in ((1, 6, 9), (2, 6, 4), (6, 6, 6)):
                x = codes(2, channels, 7, 9, device=cpu)
                w = codes(rows * groups, channels // groups, 3, 2, device=cpu)
                steps: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 3), "groups": groups}
                y = lut_conv(x.to(device), w.to(device), lut.to(device), **steps, engine=engine)
                assert torch.equal(y.cpu(), lut_conv(x, w, lut, **steps)), (name, engine, groups)
            count += len(sizes.checked) + 3
    yield Row("integers equal the CPU's", f"{count} products and convolutions", "yes")


def check_graphs(device: torch.device) -> Iterator[Row]:
    """Capture products in a CUDA graph and replay it on other operands.

    Raises:
        AssertionError: An integer differs.
    """
    for name, lut in tables().items():
        resident, x, w = lut.to(device), codes(64, 32, device=device), codes(40, 32, device=device)
        engine = "factors" if name.startswith("rank") else "lookup"
        multiply = partial(lut_matmul, x, w, resident, engine=engine)
        multiply()  # compiles, and reads the table
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = multiply()
        x.copy_(x.flip(0))
        graph.replay()
        assert torch.equal(result.cpu(), lut_matmul(x.cpu(), w.cpu(), lut)), name
    yield Row("captured in a CUDA graph", "look-ups, ranks 1 and 4", "yes")


def naive_kernel() -> Any:
    """Return the kernel that one writes first: a thread for each output."""

    @cuda.jit
    def naive(x, w, lut, out):
        m, n = cuda.grid(2)
        if m < out.shape[0] and n < out.shape[1]:
            total = 0
            for k in range(x.shape[1]):
                total += lut[x[m, k], w[n, k]]
            out[m, n] = total

    return naive


def run_naive(kernel: Any, x: Tensor, w: Tensor, lut: Tensor, out: Tensor) -> None:
    """Launch the naive kernel on torch's current stream."""
    grid = -(-len(x) // 16), -(-len(w) // 16)
    with cuda_device(x.device) as stream:
        kernel[grid, (16, 16), stream](*map(device_array, (x, w, lut, out)))


def products(device: torch.device, sizes: Sizes = Sizes()) -> Iterator[Row]:
    """Time matrix products."""
    naive, luts = naive_kernel(), {name: lut.to(device) for name, lut in tables().items()}
    for m, n, k in sizes.products:
        x, w = codes(m, k, device=device), codes(n, k, device=device)
        values = x.view(torch.int8).float(), w.view(torch.int8).float().T
        half = values[0].half(), w.view(torch.int8).half().T
        out = torch.empty(m, n, dtype=torch.int32, device=device)
        candidates = _engines(partial(lut_matmul, x, w), luts) | {
            "thread an output": partial(run_naive, naive, x, w, luts["full rank"], out),
            "float32 matmul": partial(torch.matmul, *values),
            "float16 matmul": partial(torch.matmul, *half),
        }
        yield from _rates(candidates, f"M={m} N={n} K={k}", m * n * k, device)


def convolutions(device: torch.device, sizes: Sizes = Sizes()) -> Iterator[Row]:
    """Time convolutions of padded codes."""
    luts = {name: lut.to(device) for name, lut in tables().items()}
    for batch, channels, side, rows, kernel, groups in sizes.convolutions:
        x = codes(batch, channels, side + kernel - 1, side + kernel - 1, device=device)
        w = codes(rows, channels // groups, kernel, kernel, device=device)
        steps: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "groups": groups}
        candidates = _engines(partial(lut_conv, x, w, **steps), luts)
        case = f"B={batch} C={channels} {side}x{side} N={rows} {kernel}x{kernel} groups={groups}"
        yield from _rates(candidates, case, batch * side**2 * rows * w[0].numel(), device)


def _engines(multiply: Any, luts: dict[str, Tensor]) -> dict[str, Callable[[], object]]:
    return {
        "look-up": partial(multiply, lut=luts["full rank"], lut_range=RANGE, engine="lookup"),
        **{
            f"factors, rank {rank}": partial(
                multiply, lut=luts[f"rank {rank}"], lut_range=RANGE, engine="factors"
            )
            for rank in RANKS
        },
    }


def _rates(
    candidates: dict[str, Callable[[], object]], case: str, count: int, device: torch.device
) -> Iterator[Row]:
    for name, seconds in median_seconds(candidates, device).items():
        yield Row(name, case, f"{1e-12 * count / seconds:.3g} T/s")


def passes(device: torch.device, sizes: Sizes = Sizes()) -> Iterator[Row]:
    """Time the kernels beside the products, by the bytes or look-ups that they need."""
    batch, channels, side = sizes.images
    x = torch.randn(batch, channels, side, side, device=device)
    one = torch.tensor(0.05, device=device), torch.tensor(7, device=device)
    quantiser = AffineQuantiser(*one, (0, 127))
    sums = torch.randint(-999, 999, (batch, channels, side**2), device=device).int()
    offset, scale = torch.ones(channels, dtype=torch.int64), torch.ones(channels)
    more: dict[str, Any] = {"channel_axis": 1, "dtype": torch.float32}
    by_channel = offset.to(device), scale.to(device)
    m, n, k = sizes.gradient
    own, other, grad = (
        codes(1, m, k, device=device), codes(1, n, k, device=device),
        torch.randn(1, m, n, device=device),
    )  # fmt: skip
    slopes = torch.randn(256, 256, device=device)
    lut = tables()["full rank"].to(device)
    timed: dict[str, tuple[Callable[[], object], int, str]] = {
        "quantise": (partial(quantiser.codes_and_fault, x), 5 * x.numel(), "B/s"),
        "quantise with padding": (
            partial(quantiser.codes_and_fault, x, [(1, 1), (1, 1)]), 5 * x.numel(), "B/s",
        ),
        "fake-quantise": (partial(quantiser.reals, x), 8 * x.numel(), "B/s"),
        "clip gradient": (partial(quantiser.clip_gradient, x, x), 12 * x.numel(), "B/s"),
        "rescale": (partial(rescale, sums, *by_channel, **more), 8 * sums.numel(), "B/s"),
        "table gradient": (partial(table_gradient, grad, own, other, slopes), m * n * k, "/s"),
        "saturating sums": (
            partial(saturating_matmul, own, other, lut, bits=20), m * n * k, "/s",
        ),
    }  # fmt: skip
    seconds = median_seconds({name: call for name, (call, *_) in timed.items()}, device)
    for name, (_, count, unit) in timed.items():
        case = f"{m}x{n}x{k}" if unit == "/s" else "x".join(map(str, x.shape))
        yield Row(name, case, f"{1e-12 * count / seconds[name]:.3g} T{unit}")
