"""The affine model: a multiplier as a plane over its operands and their product."""

from __future__ import annotations

import numpy as np

from htp.fitting.rounding import rounded_coefficient
from htp.fitting.weighted_error import weighted_error
from htp.models.certify import certify
from htp.models.feature import Feature
from htp.models.model import HtpModel
from htp.models.operand_function import Combination
from htp.models.term import Term
from htp.table import Table, as_multiplier
from multipliers.characterisation.population import Weights
from multipliers.parameters import check_parameter

_TERMS = ("one", "identity")


def fit_affine(lut: Table, *, weights: Weights = None, bits: int = 8) -> HtpModel:
    """Fit the best affine model by least squares over operand pairs.

        y = a + b x + c w + d x w = 1 (a + c w) + x (b + d w)

    Two products of the size of the exact one, whatever the multiplier: the cheapest model that
    knows the error's mean, its slopes and its gain, and nothing else. Where many operands of a
    network are 0 or small, fit it to those that occur: the plane through all pairs may pass far
    from the products of these, which the multiplier gets right.

    Args:
        lut: A multiplier, or integers `(256, 256)`, ``lut[x_code, w_code]``, of signed operands.
        weights: How often pairs of codes occur, as for `htp.fit`.
        bits: Significant bits of the coefficients, 2 to 24.

    Returns:
        The model with its certificate.

    Raises:
        TypeError: ``lut`` is no table, or ``bits`` is no int.
        ValueError: ``bits`` is out of range, or ``weights`` do not fit the multiplier.

    Examples:
        >>> from multipliers import get
        >>> model = fit_affine(get("mul8s_bam_h0_v8"))
        >>> model.calls, round(model.certificate.mean_abs_difference)
        (2, 167)
    """
    bits = check_parameter("bits", bits, 2, 24)
    multiplier = as_multiplier(lut)
    error, probabilities = weighted_error(multiplier, weights)
    x, w = np.meshgrid(multiplier.x_port.values, multiplier.w_port.values, indexing="ij")
    root = np.sqrt(probabilities)
    design = np.stack([part * root for part in (np.ones_like(error), x, w, x * w)], axis=-1)
    least = np.linalg.lstsq(design.reshape(-1, 4), (error * root).ravel(), rcond=None)[0]
    a, b, c, d = least.tolist()
    d += 1  # the exact product
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
