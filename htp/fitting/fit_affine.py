"""The affine model: a multiplier as a plane over its operands and their product."""

from __future__ import annotations

import numpy as np

from htp.fitting.rounding import rounded_coefficient
from htp.models.certify import certify
from htp.models.feature import Feature
from htp.models.model import HtpModel
from htp.models.operand_function import Combination
from htp.models.term import Term
from htp.table import Table, as_multiplier
from multipliers.parameters import check_parameter

_TERMS = ("one", "identity")


def fit_affine(lut: Table, *, bits: int = 8) -> HtpModel:
    """Fit the best affine model by least squares over all operand pairs.

        y = a + b x + c w + d x w = 1 (a + c w) + x (b + d w)

    Two products of the size of the exact one, whatever the multiplier: the cheapest model that
    knows the error's mean, its slopes and its gain, and nothing else.

    Args:
        lut: A multiplier, or integers `(256, 256)`, ``lut[x_code, w_code]``, of signed operands.
        bits: Significant bits of the coefficients, 2 to 24.

    Returns:
        The model with its certificate.

    Raises:
        TypeError: ``lut`` is no table, or ``bits`` is no int.
        ValueError: ``bits`` is out of range.

    Examples:
        >>> from multipliers import get
        >>> model = fit_affine(get("mul8s_bam_h0_v8"))
        >>> model.calls, round(model.certificate.mean_abs_difference)
        (2, 167)
    """
    bits = check_parameter("bits", bits, 2, 24)
    multiplier = as_multiplier(lut)
    x_codes, w_codes = multiplier.valid
    x = multiplier.x_port.values.astype(np.float64)
    w = multiplier.w_port.values.astype(np.float64)
    products = multiplier.lut[np.ix_(x_codes, w_codes)].astype(np.float64)
    # The design factors into one of x and one of w, so that two small solutions make the great one.
    by_x, by_w = (np.linalg.pinv(np.stack([np.ones_like(v), v], axis=1)) for v in (x, w))
    (a, c), (b, d) = (by_x @ products @ by_w.T).tolist()
    terms = tuple(
        Term(1.0, Feature(of_x), _line(constant, slope, bits))  # type: ignore[arg-type]
        for of_x, constant, slope in zip(_TERMS, (a, b), (c, d), strict=True)
    )
    model = HtpModel(f"{multiplier.name}, affine", terms)
    return model.with_certificate(certify(model, multiplier))


def _line(constant: float, slope: float, bits: int) -> Combination:
    one, identity = Feature("one"), Feature("identity")
    return Combination(
        (
            (rounded_coefficient(slope, bits), identity),
            (rounded_coefficient(constant, bits), one),
        )
    )
