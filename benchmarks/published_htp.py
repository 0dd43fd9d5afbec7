"""The published kind of HTP model, as the baseline of ours.

A polynomial of degree 2 in x, w, x mod 2^k and w mod 2^k, fitted to the products by least squares,
coefficients rounded to one decimal, the one k that gives the least mean difference. Its products
are those of (x, x mod 2^k) with (w, w mod 2^k), and terms of one operand alone: as a matrix of
coefficients over functions of x and functions of w it has a rank of 4, so that 4 calls of the base
function are the fewest that compute it.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from multipliers import Multiplier

FEWEST_CALLS = 4


@dataclass(frozen=True)
class Published:
    """What the best polynomial reaches."""

    bits: int
    mean_abs_difference: float
    max_abs_difference: float


def published_model(multiplier: Multiplier) -> Published:
    """Fit the polynomial of every k and return the best by its mean difference."""
    return min(
        (_polynomial(multiplier, bits) for bits in range(1, 8)),
        key=lambda found: found.mean_abs_difference,
    )


def _polynomial(multiplier: Multiplier, bits: int) -> Published:
    x, w = np.meshgrid(
        multiplier.x_port.values.astype(float),
        multiplier.w_port.values.astype(float),
        indexing="ij",
    )
    variables = [x, w, x % 2**bits, w % 2**bits]
    squares = [a * b for a, b in combinations_with_replacement(variables, 2)]
    columns = np.stack([np.ones_like(x), *variables, *squares], axis=-1).reshape(x.size, -1)
    table = multiplier.lut[: x.shape[0], : x.shape[1]].astype(float)
    coefficients = np.linalg.lstsq(columns, table.ravel(), rcond=None)[0]
    difference = np.abs(columns @ coefficients.round(1) - table.ravel())
    return Published(bits, float(difference.mean()), float(difference.max()))
