"""Which engine computes a table product on the CPU: looking up, or the factors of the table."""

import os
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from torchapprox.kernels.lookup_table import LookupTable
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.calibration import engine_costs
from torchapprox.operators.engine.costs import Sizes, most_useful_terms
from torchapprox.operators.engine.factor_conv import factor_conv
from torchapprox.operators.engine.factor_matmul import factor_matmul
from torchapprox.operators.engine.factor_tables import (
    MOST_TERMS,
    TableFactors,
    rank_exceeds,
    table_factors,
)

VARIABLE = "TORCHAPPROX_ENGINE"
_MARGIN = 0.85  # of a look-up's time that factors must beat, since estimates are rough
ENGINES = ("auto", "lookup", "factors")


def check_engine(engine: str, origin: str = "'engine'") -> None:
    """Raise ValueError unless there is an engine of this name.

    Args:
        engine: The name.
        origin: What named it.
    """
    if engine not in ENGINES:
        raise ValueError(f"{origin} must be one of {', '.join(ENGINES)}, got {engine!r}")


def chosen_engine(engine: str, kernel: str | None) -> str:
    """Return the engine that an argument or else the environment names.

    Args:
        engine: One of `ENGINES`; "auto" leaves it to the environment variable
            ``TORCHAPPROX_ENGINE``, and without it to the costs on this machine.
        kernel: Look-up kernel that is forced, or None; one is forced to be used, so that "auto"
            becomes "lookup".

    Raises:
        ValueError: There is no engine of this name.

    Examples:
        >>> chosen_engine("factors", None), chosen_engine("auto", "portable")
        ('factors', 'lookup')
    """
    named, origin = engine, "'engine'"
    if engine == "auto" and os.environ.get(VARIABLE):
        named, origin = os.environ[VARIABLE], f"the environment variable {VARIABLE}"
    check_engine(named, origin)
    return "lookup" if named == "auto" and kernel is not None else named


def multiplies_by_factors(table: LookupTable, sizes: Sizes, engine: str) -> bool:
    """Whether `multiply_by_factors` would fill a result that is not empty; arguments as there.

    Args:
        table: As there.
        sizes: G, M, N and K.
        engine: As there.
    """
    return engine != "lookup" and _choose(table, sizes, engine) is not None


def multiply_by_factors(
    x: Tensor, w: Tensor, table: LookupTable, result: Tensor, engine: str
) -> bool:
    """Fill ``result`` with a table product by factors; False where it is to be looked up.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The table.
        result: int32 or int64 `(G, M, N)`.
        engine: One of `ENGINES`.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high.
    """
    if engine == "lookup" or result.numel() == 0:
        return False
    (groups, m, depth), n = x.shape, w.shape[1]
    found = _choose(table, (groups, m, n, depth), engine)
    if found is None:
        return False
    factor_matmul(x, w, found[0], result, found[1])
    return True


def convolves_by_factors(table: LookupTable, shape: ConvShape, engine: str) -> bool:
    """Whether `convolve_by_factors` would fill a result that is not empty; arguments as there."""
    return engine != "lookup" and shape.depth > 0 and _choose(table, shape, engine) is not None


def convolve_by_factors(
    x: Tensor, w: Tensor, table: LookupTable, shape: ConvShape, out: Tensor, engine: str
) -> bool:
    """Fill ``out`` with a convolution by factors; False where it is to be looked up.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        table: The table.
        shape: The convolution.
        out: int32 or int64 `(B, N, *output_size)`, contiguous.
        engine: One of `ENGINES`.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high or no arithmetic is
            exact for so many products.
    """
    if engine == "lookup" or out.numel() == 0 or shape.depth == 0:
        return False
    found = _choose(table, shape, engine)
    if found is None:
        return False
    factor_conv(x, w, shape, found[0], out, found[1])
    return True


def _choose(
    table: LookupTable, shape: Sizes | ConvShape, engine: str
) -> tuple[TableFactors, str] | None:
    """Return factors and arithmetic; None where looking up is faster and not ruled out."""
    threads = torch.get_num_threads()
    factors = useful_factors(table, engine, lambda: _most_terms(threads))
    if factors is None:
        return None
    # Else PyTorch may round float32 operands to fewer bits.
    precise = torch.get_float32_matmul_precision() == "highest"
    arithmetic = _cheapest(factors, shape, engine, threads, precise)
    return None if arithmetic is None else (factors, arithmetic)


def useful_factors(
    table: LookupTable, engine: str, most_terms: Callable[[], int]
) -> TableFactors | None:
    """Return a table's factors; None where looking up is always faster and not ruled out.

    Args:
        table: The table.
        engine: "auto" or "factors".
        most_terms: Says up to which rank factors may be faster; not called for a table of a rank
            above `MOST_TERMS`, so that no costs are measured for it.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high.
    """
    most = MOST_TERMS
    if engine == "auto":
        if rank_exceeds(table, MOST_TERMS):
            return None
        most = most_terms()
    factors = table_factors(table, most_terms=most)
    if factors is None and engine == "factors":
        raise NotImplementedError(
            f"the engine 'factors' needs a table of a rank of at most {MOST_TERMS}; "
            "use engine 'auto' or 'lookup'"
        )
    return factors


@lru_cache
def _most_terms(threads: int) -> int:
    return min(MOST_TERMS, most_useful_terms(engine_costs(threads)))


@lru_cache(maxsize=4096)
def _cheapest(
    factors: TableFactors, shape: Sizes | ConvShape, engine: str, threads: int, precise: bool
) -> str | None:
    """Return what `cheapest` returns."""
    costs = engine_costs(threads)
    if isinstance(shape, ConvShape):
        seconds = costs.conv(shape, factors)
    else:
        seconds = costs.matmul(shape, factors)
    if not precise:
        seconds.pop("float32", None)
    return cheapest(seconds, engine)


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
    if found is None or (engine == "auto" and seconds[found] > _MARGIN * lookup):
        return None
    return found
