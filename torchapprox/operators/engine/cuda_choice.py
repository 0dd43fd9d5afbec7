"""Which engine computes a table product on a CUDA device: looking up, or the table's factors."""

from functools import lru_cache

import torch
from torch import Tensor

from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.choice import MARGIN, useful_factors
from torchapprox.operators.engine.costs import Sizes
from torchapprox.operators.engine.cuda_calibration import cuda_costs
from torchapprox.operators.factors.cuda_factors import cuda_factor_conv, cuda_factor_matmul
from torchapprox.operators.factors.device_factors import DeviceFactors, device_factors
from torchapprox.operators.factors.factor_tables import TableFactors
from torchapprox.operators.lookup.device_table import device_table


def multiply_on_cuda(
    x: Tensor, w: Tensor, lut: Tensor, result: Tensor, engine: str, least: int | None
) -> bool:
    """Fill ``result`` with a table product by factors; False where it is to be looked up.

    Nothing is read back from the device once the table was seen.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        lut: Products, int32 `(256, 256)`.
        result: As `cuda_factor_matmul` takes it.
        engine: As `chosen_engine` returns it.
        least: What `least_of_image` returned.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high or no arithmetic is
            exact.
    """
    if engine == "lookup" or result.numel() == 0:
        return False
    (groups, m, depth), n = x.shape, w.shape[1]
    found = _choose(lut, (groups, m, n, depth), engine, least)
    if found is None:
        return False
    cuda_factor_matmul(x, w, found[0], result, found[1])
    return True


def convolve_on_cuda(
    x: Tensor,
    w: Tensor,
    lut: Tensor,
    shape: ConvShape,
    out: Tensor,
    engine: str,
    least: int | None,
) -> bool:
    """Fill ``out`` with a convolution by factors; False where it is to be looked up.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        lut: Products, int32 `(256, 256)`.
        shape: The convolution.
        out: int32 or int64 `(B, N, *output_size)`, contiguous.
        engine: As `chosen_engine` returns it.
        least: What `least_of_image` returned.

    Raises:
        NotImplementedError: As of `multiply_on_cuda`, or there are more than three axes.
    """
    if engine == "lookup" or out.numel() == 0:
        return False
    found = _choose(lut, shape, engine, least)
    if found is None:
        return False
    cuda_factor_conv(x, w, shape, found[0], out, found[1])
    return True


def _choose(
    lut: Tensor, shape: Sizes | ConvShape, engine: str, least: int | None
) -> tuple[DeviceFactors, str] | None:
    factors = useful_factors(
        device_table(lut).host, engine, lambda: cuda_costs(lut.device).most_useful_terms()
    )
    if factors is None:
        return None
    arithmetic = _cheapest(factors, shape, engine, lut.device, least is not None)
    return None if arithmetic is None else (device_factors(factors, lut.device), arithmetic)


@lru_cache(maxsize=4096)
def _cheapest(
    factors: TableFactors,
    shape: Sizes | ConvShape,
    engine: str,
    device: torch.device,
    paired: bool,
) -> str | None:
    costs = cuda_costs(device)
    estimate = costs.conv if isinstance(shape, ConvShape) else costs.matmul
    return cheapest(estimate(shape, factors, paired=paired), engine)  # type: ignore[arg-type]


def cheapest(seconds: dict[str, float], engine: str) -> str | None:
    """Return the fastest arithmetic; None where looking up is faster and not ruled out.

    Args:
        seconds: Estimates by arithmetic and for "lookup".
        engine: "auto" or "factors".

    Raises:
        NotImplementedError: The engine is "factors", and there is no arithmetic.

    Examples:
        >>> cheapest({"lookup": 2.0, "int8": 1.0, "float64": 3.0}, "auto")
        'int8'
    """
    lookup = seconds.pop("lookup")
    if not seconds and engine == "factors":
        raise NotImplementedError(
            "the engine 'factors' has no arithmetic that is exact for so many products in one "
            "sum; use engine 'auto' or 'lookup'"
        )
    found = min(seconds, key=lambda name: seconds[name], default=None)
    if found is None or (engine == "auto" and seconds[found] > MARGIN * lookup):
        return None
    return found
