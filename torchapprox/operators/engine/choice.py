"""Which engine computes a table product on the CPU: looking up, or the factors of the table."""

import math
import os
from collections.abc import Callable
from functools import lru_cache, partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from multipliers.parameters import check_kind
from torchapprox.kernels.compiling.cpu_kernel import compiles
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.calibration import engine_costs
from torchapprox.operators.engine.costs import Sizes, most_useful_terms
from torchapprox.operators.factors.factor_products import (
    Terms,
    factor_conv,
    factor_matmul,
    takes_bytes,
)
from torchapprox.operators.factors.factor_tables import (
    MOST_TERMS,
    TableFactors,
    rank_exceeds,
    table_factors,
)
from torchapprox.operators.remembered import found_of

VARIABLE = "TORCHAPPROX_ENGINE"
MARGIN = 0.85  # of a look-up's time that factors must beat, since estimates are rough
ENGINES = ("auto", "lookup", "factors")


def check_engine(engine: str, origin: str = "'engine'") -> None:
    """Raise an error unless there is an engine of this name.

    Args:
        engine: The name.
        origin: What named it.
    """
    check_kind("engine", engine, str)
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
    check_kind("engine", engine, str)
    named, origin = engine, "'engine'"
    if engine == "auto" and os.environ.get(VARIABLE):
        named, origin = os.environ[VARIABLE], f"the environment variable {VARIABLE}"
    check_engine(named, origin)
    return "lookup" if named == "auto" and kernel is not None else named


def multiply_by_factors(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    result: Tensor,
    engine: str,
    terms: Terms | None = None,
) -> bool:
    """Fill ``result`` with a table product by factors; False where it is to be looked up.

    Args:
        x: Activation codes, uint8 `(G, M, K)`.
        w: Weight codes, uint8 `(G, N, K)`.
        table: The table.
        result: int32, int64 or real numbers `(G, M, N)`, as `factor_matmul` takes it.
        engine: One of `ENGINES`.
        terms: What makes real numbers of sums, as `factor_matmul` takes it.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high or the factors do not
            fit 16 bits.
    """
    if engine == "lookup" or result.numel() == 0:
        return False
    (groups, m, depth), n = x.shape, w.shape[1]
    factors = _choose(table, (groups, m, n, depth), engine)
    if factors is None:
        return False
    factor_matmul(x, w, factors, result, terms)
    return True


def convolve_by_factors(
    x: Tensor,
    w: Tensor,
    table: LookupTable,
    shape: ConvShape,
    out: Tensor,
    engine: str,
    terms: Terms | None = None,
) -> bool:
    """Fill ``out`` with a convolution by factors; False where it is to be looked up.

    Args:
        x: Padded activation codes, uint8 `(B, C, *size)`, contiguous.
        w: Weight codes, uint8 `(N, C / groups, *kernel)`, contiguous.
        table: The table.
        shape: The convolution.
        out: int32, int64 or real numbers `(B, N, *output_size)`, contiguous.
        engine: One of `ENGINES`.
        terms: What makes real numbers of sums, as `factor_conv` takes it.

    Raises:
        NotImplementedError: The engine is "factors", and the rank is too high or the factors do not
            fit 16 bits.
    """
    if engine == "lookup" or out.numel() == 0:
        return False
    factors = _choose(table, shape, engine)
    if factors is None:
        return False
    factor_conv(x, w, shape, factors, out, terms)
    return True


def _choose(table: LookupTable, shape: Sizes | ConvShape, engine: str) -> TableFactors | None:
    """Return factors; None where looking up is faster and not ruled out; found once."""
    key = shape, engine, torch.get_num_threads()
    return found_of(_chosen, table, key, partial(_found, table, *key), _CHOICES_KEPT)


# By table and product, since to choose takes longer than many a small product.
_chosen: WeakKeyDictionary[LookupTable, dict[object, TableFactors | None]] = WeakKeyDictionary()
_CHOICES_KEPT = 256  # of a table


def _found(
    table: LookupTable, shape: Sizes | ConvShape, engine: str, threads: int
) -> TableFactors | None:
    if engine == "auto" and not compiles():
        return None  # before costs are measured of what does not run
    factors = useful_factors(table, engine, lambda: _most_terms(threads))
    if factors is None:
        return None
    taps = math.prod(shape.kernel) if isinstance(shape, ConvShape) else 1
    if not compiles() or factors.pairs is None or taps > factors.depth:
        if engine == "factors":
            raise NotImplementedError(
                "the engine 'factors' needs compiled kernels, factors that fit 16 bits and sums of "
                "a channel that fit 32 bits on the CPU; use engine 'auto' or 'lookup'"
            )
        return None
    if engine == "auto" and not _pays(factors.rank, shape, threads, _in_bytes(factors, shape)):
        return None
    return factors


def _in_bytes(factors: TableFactors, shape: Sizes | ConvShape) -> bool:
    """Whether a product's features are multiplied in bytes, whichever operand the rows are."""
    if isinstance(shape, ConvShape):
        return takes_bytes(factors, shape.channels // shape.groups, x_rows=False)
    return all(takes_bytes(factors, shape[3], x_rows=x_rows) for x_rows in (False, True))


def _pays(rank: int, shape: Sizes | ConvShape, threads: int, in_bytes: bool) -> bool:
    """Whether factors are faster than look-ups by this machine's costs."""
    costs = engine_costs(threads)
    if isinstance(shape, ConvShape):
        by_factors, look_ups = costs.conv(shape, rank, in_bytes=in_bytes)
    else:
        by_factors, look_ups = costs.matmul(shape, rank, in_bytes=in_bytes)
    return by_factors < MARGIN * look_ups


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
