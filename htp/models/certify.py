"""Comparison of an HTP model with a multiplier, of which certificates are the result."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from htp.models.certificate import Certificate, Interval
from htp.models.protocol import HtpCallable, contracts_last_axis
from multipliers import Multiplier, Port
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_kind, check_parameter

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.95
DEFAULT_SAMPLES = 1 << 18


def certify(
    model: HtpCallable,
    multiplier: Multiplier,
    *,
    as_array: Callable[[Any], Any] = np.asarray,
) -> Certificate:
    """Compare a model with a multiplier on every pair of operands that its ports accept.

    Args:
        model: Any callable of the HTP protocol.
        multiplier: The multiplier whose table is the truth.
        as_array: Turns a float64 array `(values, 1)` into what the model computes on; give
            ``torch.as_tensor`` for a model that is written with torch functions.

    Returns:
        The certificate, exhaustive.

    Raises:
        TypeError: ``model`` is no function, or ``multiplier`` no Multiplier.
        ValueError: The model's result is not a table of the multiplier's size.

    Examples:
        >>> from htp import accurate_model
        >>> from multipliers import exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True))
        >>> print(certify(accurate_model(), exact))
        1 call, equal to table on all 65536 pairs
    """
    check_kind("model", model, Callable)
    check_multiplier("multiplier", multiplier)
    check_kind("as_array", as_array, Callable)
    table, products, calls = _tables(model, multiplier, as_array)
    rows, columns = products.shape
    return _certificate(
        table,
        products,
        multiplier.exact[:rows, :columns].astype(np.float64),
        multiplier=multiplier.name,
        digest=multiplier.digest,
        calls=calls,
        exhaustive=True,
    )


def differences(model: HtpCallable, multiplier: Multiplier) -> FloatArray:
    """Return model - multiplier for every pair of the ports' values, float64 `(X, W)`.

    Examples:
        >>> from htp import accurate_model
        >>> from multipliers import exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True))
        >>> float(differences(accurate_model(), exact).max())
        0.0
    """
    table, products, _ = _tables(model, multiplier, np.asarray)
    return table - products


def certify_function(
    model: HtpCallable,
    function: Callable[[Int64Array, Int64Array], npt.NDArray[Any]],
    x_port: Port,
    w_port: Port,
    *,
    name: str = "function",
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
) -> Certificate:
    """Compare a model with a multiplier of any width on random operand pairs.

    The pairs are drawn uniformly, independently and with replacement. The certificate's intervals
    hold with a probability of 95 % each.

    Args:
        model: Any callable of the HTP protocol.
        function: The truth: takes int64 arrays of one shape and returns their products.
        x_port: Port of the first operand.
        w_port: Port of the second operand.
        name: What the certificate calls the function.
        samples: Number of pairs, at least 2.
        seed: Seed of the sample.

    Returns:
        The certificate.

    Raises:
        TypeError: ``model`` is no function, a port no Port, or ``samples`` no int.
        ValueError: ``samples`` is less than 2.

    Examples:
        >>> from htp import accurate_model
        >>> port = Port(12, signed=True)
        >>> found = certify_function(accurate_model(), lambda x, w: x * w, port, port)
        >>> found.exact_share, found.exhaustive
        (1.0, False)
        >>> found.share_beyond_max < 2e-5
        True
    """
    check_kind("model", model, Callable)
    check_kind("function", function, Callable)
    check_kind("x_port", x_port, Port)
    check_kind("w_port", w_port, Port)
    samples = check_parameter("samples", samples, 2)
    seed = check_parameter("seed", seed, 0)
    x, w = draw_pairs(x_port, w_port, samples, seed)
    values, calls = _pairwise_products(model, x, w)
    return _certificate(
        values,
        np.asarray(function(x, w)).astype(np.float64),
        (x * w).astype(np.float64),
        multiplier=name,
        digest="",
        calls=calls,
        exhaustive=False,
    )


def draw_pairs(
    x_port: Port, w_port: Port, samples: int, seed: int
) -> tuple[Int64Array, Int64Array]:
    """Draw operand pairs, uniformly and with replacement: two int64 `(samples,)`."""
    generator = np.random.default_rng(seed)
    x = generator.integers(x_port.low, x_port.high, samples, endpoint=True)
    return x, generator.integers(w_port.low, w_port.high, samples, endpoint=True)


def _tables(
    model: HtpCallable, multiplier: Multiplier, as_array: Callable[[Any], Any]
) -> tuple[FloatArray, FloatArray, int]:
    """Return the model's and the multiplier's products, and the model's number of calls."""
    x, w = multiplier.x_port.values, multiplier.w_port.values
    table, calls = _outer_products(model, x, w, as_array)
    return table, multiplier.lut[: len(x), : len(w)].astype(np.float64), calls


def _outer_products(
    model: HtpCallable, x: Int64Array, w: Int64Array, as_array: Callable[[Any], Any]
) -> tuple[FloatArray, int]:
    """Return the model's product of every pair and the number of calls that it took.

    A model that computes r terms side by side is charged r calls for one.
    """
    calls = 0

    @contracts_last_axis
    def outer_product(x: Any, w: Any, /, **_: Any) -> Any:
        nonlocal calls
        calls += x.shape[-1]
        return x @ w.T

    x_column, w_column = (as_array(values.astype(np.float64)[:, None]) for values in (x, w))
    table = np.asarray(model(outer_product, x_column, w_column, {}), dtype=np.float64)
    if table.shape != (len(x), len(w)):
        raise ValueError(f"'model' must return shape {(len(x), len(w))}, got {table.shape}")
    return table, calls


def _pairwise_products(model: HtpCallable, x: Int64Array, w: Int64Array) -> tuple[FloatArray, int]:
    calls = 0

    @contracts_last_axis
    def pairwise_product(x: Any, w: Any, /, **_: Any) -> Any:
        nonlocal calls
        calls += x.shape[-1]
        return (x * w).sum(axis=-1)

    x_column, w_column = (values.astype(np.float64)[:, None] for values in (x, w))
    values = np.asarray(model(pairwise_product, x_column, w_column, {}), dtype=np.float64)
    if values.shape != x.shape:
        raise ValueError(f"'model' must return shape {x.shape}, got {values.shape}")
    return values, calls


def _certificate(
    modelled: FloatArray,
    products: FloatArray,
    exact_products: FloatArray,
    *,
    multiplier: str,
    digest: str,
    calls: int,
    exhaustive: bool,
) -> Certificate:
    difference = modelled - products
    size = np.abs(difference)
    count, equal = difference.size, int(np.count_nonzero(difference == 0))
    mean = float(size.mean())
    share, mean_interval, beyond = (equal / count,) * 2, (mean, mean), 0.0
    if not exhaustive:
        share = _clopper_pearson(equal, count)
        from scipy.stats import norm  # noqa: PLC0415  it takes long to load

        margin = float(norm.ppf((1 + CONFIDENCE) / 2)) * float(size.std(ddof=1)) / sqrt(count)
        mean_interval = (max(0.0, mean - margin), mean + margin)
        # No pair of the sample lies beyond the greatest difference.
        beyond = 1 - (1 - CONFIDENCE) ** (1 / count)
    return Certificate(
        multiplier=multiplier,
        digest=digest,
        calls=calls,
        pairs=count,
        exhaustive=exhaustive,
        confidence=1.0 if exhaustive else CONFIDENCE,
        exact_share=equal / count,
        exact_share_interval=share,
        max_abs_difference=float(size.max()),
        share_beyond_max=beyond,
        mean_abs_difference=mean,
        mean_abs_difference_interval=mean_interval,
        error_mean_difference=float(difference.mean()),
        error_std_difference=float(
            (modelled - exact_products).std() - (products - exact_products).std()
        ),
        std_difference=float(difference.std()),
    )


def _clopper_pearson(successes: int, count: int) -> Interval:
    """Return the exact two-sided interval of a proportion."""
    tail = (1 - CONFIDENCE) / 2
    from scipy.stats import beta  # noqa: PLC0415  it takes long to load

    low = float(beta.ppf(tail, successes, count - successes + 1)) if successes else 0.0
    high = float(beta.isf(tail, successes + 1, count - successes)) if successes < count else 1.0
    return low, high
