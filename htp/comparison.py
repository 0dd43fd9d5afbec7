"""Exhaustive comparison of an HTP model with a multiplier's table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from htp.protocol import HtpCallable
from multipliers import Multiplier, code_values


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far a model is from a table, over all 65,536 operand pairs.

    A difference is model - table, per product.

    Attributes:
        digest: Content hash of the multiplier that the model was compared with.
        calls: Calls of the base function that one evaluation makes.
        exact_share: Share of the pairs for which model and table are equal, 0..1.
        max_abs_difference: Largest magnitude of a difference.
        mean_abs_difference: Mean magnitude of the differences.
        mean_difference: Mean of the differences.
        std_difference: Standard deviation of the differences.
    """

    digest: str
    calls: int
    exact_share: float
    max_abs_difference: float
    mean_abs_difference: float
    mean_difference: float
    std_difference: float


def compare(
    model: HtpCallable,
    multiplier: Multiplier,
    *,
    as_array: Callable[[Any], Any] = np.asarray,
) -> Comparison:
    """Compare a model with a multiplier on every pair of operands.

    Args:
        model: Any callable of the HTP protocol.
        multiplier: The multiplier whose table is the truth.
        as_array: Turns a float64 array `(256, 1)` into what the model computes on; give
            ``torch.as_tensor`` for a model that is written with torch functions.

    Returns:
        The figures of the comparison.

    Raises:
        ValueError: The model's result is not of shape `(256, 256)`.

    Examples:
        >>> from htp import accurate_model
        >>> from multipliers import exact_products
        >>> exact = Multiplier.from_lut(exact_products(True, True))
        >>> compare(accurate_model(), exact).exact_share
        1.0
    """
    calls = 0

    def outer_product(x: Any, w: Any, /, **_: Any) -> Any:
        nonlocal calls
        calls += 1
        return x @ w.T

    x = as_array(code_values(multiplier.x_port.signed).astype(np.float64)[:, None])
    w = as_array(code_values(multiplier.w_port.signed).astype(np.float64)[:, None])
    table = np.asarray(model(outer_product, x, w, {}), dtype=np.float64)
    if table.shape != multiplier.lut.shape:
        raise ValueError(f"'model' must return shape {multiplier.lut.shape}, got {table.shape}")
    difference = table - multiplier.lut
    return Comparison(
        digest=multiplier.digest,
        calls=calls,
        exact_share=float(np.mean(difference == 0)),
        max_abs_difference=float(np.abs(difference).max()),
        mean_abs_difference=float(np.abs(difference).mean()),
        mean_difference=float(difference.mean()),
        std_difference=float(difference.std()),
    )
