"""Check the CUDA kernels against the CPU and time them on a device: one table, in some minutes.

``python -m benchmarks.cuda_device [--quick]``

Products are compared integer for integer, networks by the output of one batch. Times are medians of
CUDA events over rounds in which the candidates take turns.
"""

import argparse
import copy
import statistics
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from numba import cuda as _cuda
from torch import Tensor, nn

import htp
from benchmarks.cases import full_rank, low_rank
from benchmarks.network_models import LARGE_NETWORKS, NETWORKS
from benchmarks.networks import converted, forward, in_mode, step
from benchmarks.record import recorded
from torchapprox import InferenceMode, get_approx_modules, lut_matmul
from torchapprox.operators.cuda_arrays import cuda_device, device_array
from torchapprox.operators.lookup.lut_conv import lut_conv

cuda: Any = _cuda  # its members exist only where a driver or the simulator does
PRODUCTS = ((4096, 1024, 1024), (100_352, 64, 576), (3152, 768, 3072), (256, 4096, 4096))
ROUNDS = 7
THREADS = 256
RANGE = (-(2**15), 2**15 - 1)


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


def median_seconds(candidates: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return each candidate's median time on the device, after one call to warm up."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            call()
            stop.record()
            stop.synchronize()
            times[name].append(1e-3 * start.elapsed_time(stop))
    return {name: statistics.median(values) for name, values in times.items()}


def check() -> None:
    """Raise AssertionError unless the device's integers are the CPU's."""
    generator = torch.Generator().manual_seed(0)

    def codes(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape, generator=generator).to(torch.uint8)

    for limit in (2**15, 2**20, 2**31):
        lut = torch.randint(-limit, limit, (256, 256), generator=generator).to(torch.int32)
        for m, n, k in ((1, 1, 1), (5, 1000, 77), (1000, 9, 300), (513, 130, 65)):
            x, w = codes(2, m, k), codes(2, n, k)
            y = lut_matmul(x.cuda(), w.cuda(), lut.cuda()).cpu()
            assert torch.equal(y, lut_matmul(x, w, lut)), (limit, m, n, k)
        for groups, channels, rows in ((1, 6, 9), (2, 6, 4), (6, 6, 6)):
            x, w = codes(3, channels, 19, 23), codes(rows * groups, channels // groups, 3, 2)
            steps: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 3), "groups": groups}
            y = lut_conv(x.cuda(), w.cuda(), lut.cuda(), **steps).cpu()
            assert torch.equal(y, lut_conv(x, w, lut, **steps)), (limit, groups)
    for name, build in NETWORKS.items():
        torch.manual_seed(0)
        model, x = build()
        model = converted(model.eval(), x, full_rank())
        expected = model(x)
        worst = (model.cuda()(x.cuda()).cpu() - expected).abs().max() / expected.abs().max()
        # Activations between the layers are floats, whose last bits decide a few codes.
        assert worst < 1e-2, (name, worst)


def product_rows() -> list[str]:
    """Return look-ups and products per second for matrix products."""
    rows, naive = [], naive_kernel()
    for m, n, k in PRODUCTS:
        x, w = (
            torch.randint(0, 256, (rows_of, k), device="cuda").to(torch.uint8) for rows_of in (m, n)
        )
        lut = torch.randint(*RANGE, (256, 256), device="cuda").to(torch.int32)
        model = htp.factorise(low_rank(4)).model
        values = x.view(torch.int8).float(), w.view(torch.int8).float()
        half = x.half(), w.half().T
        out = torch.empty(m, n, dtype=torch.int32, device="cuda")
        seconds = median_seconds(
            {
                "look-up": partial(lut_matmul, x, w, lut, lut_range=RANGE),
                "naive": partial(run_naive, naive, x, w, lut, out),
                "rank 4": partial(model, nn.functional.linear, *values, {}),
                "float32": partial(torch.matmul, values[0], values[1].T),
                "float16": partial(torch.matmul, *half),
            }
        )
        rates = " | ".join(f"{1e-12 * m * n * k / each:.2f}" for each in seconds.values())
        rows.append(f"| M={m} N={n} K={k} | {rates} |")
    return rows


def network_rows(*, quick: bool) -> list[str]:
    """Return times of whole networks relative to the float32 forward pass."""
    rows = []
    for name, build in (NETWORKS if quick else LARGE_NETWORKS).items():
        torch.manual_seed(0)
        model, x = build()
        model, x = model.eval().cuda(), x.cuda()
        models = {"look-up": converted(model, x, full_rank())}
        for rank in (1, 4):
            models[f"rank {rank}"] = by_factors(converted(model, x, low_rank(rank)), rank)
        quantised = in_mode(copy.deepcopy(models["look-up"]), InferenceMode.QUANTIZED)
        candidates = {
            "float32": partial(forward, model, x),
            "quantised": partial(forward, quantised, x),
        }
        candidates["float16"] = partial(forward, copy.deepcopy(model).half(), x.half())
        candidates |= {key: partial(forward, each, x) for key, each in models.items()}
        seconds = median_seconds(candidates)
        for each in (quantised, models["look-up"]):
            each.train()
        steps = median_seconds(
            {
                "quantised": partial(step, quantised, x),
                "look-up": partial(step, models["look-up"], x),
            }
        )
        ratios = [seconds[key] / seconds["float32"] for key in ("float16", "quantised", *models)]
        ratios.append(steps["look-up"] / steps["quantised"])
        rows.append(f"| {name} | " + " | ".join(f"{each:.2f}" for each in ratios) + " |")
    return rows


def by_factors(model: nn.Module, rank: int) -> nn.Module:
    """Have every layer compute by the factors of its table."""
    factors = htp.factorise(low_rank(rank)).model
    for _, layer in get_approx_modules(model):
        layer.htp_model = factors
    return model


def main() -> None:
    """Check, time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("needs a CUDA device and the extra torchapprox[cuda]; PyTorch sees none")
    check()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}: integers equal the CPU's.")
    print("\n| 1e12 products/s | look-up | naive | rank 4 | float32 | float16 |")
    print("|---|---|---|---|---|---|", *product_rows(), sep="\n")
    names = "float16 | quantised | look-up | rank 1 | rank 4 | training step / quantised"
    print(f"\n| forward / float32 | {names} |")
    print("|---|---|---|---|---|---|---|", *network_rows(quick=arguments.quick), sep="\n")


if __name__ == "__main__":
    recorded(main)
