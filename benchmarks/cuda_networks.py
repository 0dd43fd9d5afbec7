"""Whole networks on a CUDA device, relative to their float and quantised forms."""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.cases import full_rank, low_rank
from benchmarks.cuda_products import RANKS
from benchmarks.device_times import Row, median_seconds
from benchmarks.networks import converted, forward, in_mode, step
from torchapprox import InferenceMode, get_approx_modules

Network = Callable[[], tuple[nn.Module, Tensor]]


def check_networks(device: torch.device, networks: Mapping[str, Network]) -> Iterator[Row]:
    """Compare a batch's output with the CPU's.

    Raises:
        AssertionError: An output differs by more than rounding between the layers explains.
    """
    for name, build in networks.items():
        torch.manual_seed(0)
        model, x = build()
        model = converted(model.eval(), x, full_rank())
        with torch.no_grad():
            expected = model(x)
            found = model.to(device)(x.to(device)).cpu()
        worst = float((found - expected).abs().max() / expected.abs().max())
        # Activations between the layers are floats, whose last bits decide a few codes.
        assert worst < 1e-2, (name, worst)
        yield Row("output equals the CPU's", name, f"within {worst:.1e} of its greatest")


def networks(device: torch.device, name: str, build: Network) -> Iterator[Row]:
    """Time one network's forward passes and training steps."""
    torch.manual_seed(0)
    model, x = build()
    model, x = model.eval().to(device), x.to(device)
    models = {"full rank": converted(model, x, full_rank())}
    for rank in RANKS:
        models[f"rank {rank}"] = with_table(models["full rank"], low_rank(rank).lut)
    quantised = in_mode(copy.deepcopy(models["full rank"]), InferenceMode.QUANTIZED)
    half = copy.deepcopy(model).half()
    candidates = {
        "float32": partial(forward, model, x),
        "float16": partial(forward, half, x.half()),
        "quantised": partial(forward, quantised, x),
        **{key: partial(forward, each, x) for key, each in models.items()},
    }
    for key in ("quantised", *models) if device.type == "cuda" else ():
        graph = f"{key}, CUDA graph"
        try:
            candidates[graph] = captured(candidates[key])
        except RuntimeError as error:
            yield Row(f"forward, {graph}", name, f"FAILED: {' '.join(str(error).split())[:200]}")
    seconds = median_seconds(candidates, device)
    for key, time in seconds.items():
        ratios = ", ".join(
            f"{time / seconds[base]:.2f} x {base}" for base in ("float32", "float16", "quantised")
        )
        yield Row(f"forward, {key}", name, f"{1e3 * time:.3g} ms, {ratios}")
    trained = {"float32": model, "quantised": quantised, **models}
    for each in trained.values():
        each.train()
    steps = median_seconds({key: partial(step, each, x) for key, each in trained.items()}, device)
    for key, time in steps.items():
        ratios = ", ".join(
            f"{time / steps[base]:.2f} x {base}" for base in ("float32", "quantised")
        )
        yield Row(f"training step, {key}", name, f"{1e3 * time:.3g} ms, {ratios}")


def with_table(model: nn.Module, lut: object) -> nn.Module:
    """Return a copy of a converted model with another table in every layer."""
    model = copy.deepcopy(model)
    for _, layer in get_approx_modules(model):
        layer.lut = lut
    return model


def captured(call: Callable[[], object]) -> Callable[[], None]:
    """Return what replays a call's work on the device, without Python between the kernels."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay
