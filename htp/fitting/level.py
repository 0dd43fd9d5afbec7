"""A constant beside a model, which keeps the greatest difference within a bound."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, copysign, frexp, ldexp

from htp.models.certify import certify, differences
from htp.models.feature import Feature
from htp.models.model import HtpModel
from htp.models.term import Term
from htp.table import Table, as_multiplier
from multipliers.parameters import check_kind, check_number

_BITS = 8


def level(model: HtpModel, lut: Table, *, most: float) -> HtpModel:
    """Add the least constant that keeps all differences from a multiplier within a bound.

    Where a few pairs are wrong by much and all in one direction, no product of few functions
    describes them. The constant halves the greatest difference at best, at the price of pairs that
    were exact, and counts as one product.

    Args:
        model: The model.
        lut: The multiplier, or integers `(256, 256)` of signed operands.
        most: Greatest magnitude of a difference, more than 0.

    Returns:
        The model with one term more and its certificate; without one if it keeps the bound already.
        The constant has at most eight significant bits where one of these is close enough.

    Raises:
        ValueError: ``most`` is out of range, or less than half of what the differences span.

    Examples:
        >>> from htp import fit
        >>> from multipliers import get
        >>> multiplier = get("mul8u_wallace_loa6")
        >>> exact = fit(multiplier, terms=0)
        >>> levelled = level(exact, multiplier, most=24)
        >>> for each in (exact, levelled):
        ...     print(each.certificate)
        1 call, against mul8u_wallace_loa6 on all 65536 pairs: 99.61% exact, mean |difference|
        0.125, max 32
        2 calls, against mul8u_wallace_loa6 on all 65536 pairs: 0.00% exact, mean |difference|
        8.062, max 24
    """
    check_kind("model", model, HtpModel)
    multiplier = as_multiplier(lut)
    most = check_number("most", most, above=0)
    found = differences(model, multiplier)
    # The constants that keep the least and the greatest difference within the bound.
    low, high = -most - float(found.min()), most - float(found.max())
    if low > high:
        raise ValueError(
            f"'most' must be at least {(found.max() - found.min()) / 2:.6g}, half of what the "
            f"differences span, got {most}"
        )
    terms = model.terms
    if not low <= 0 <= high:
        nearest = low if low > 0 else high
        constant = _coarser(nearest)
        if not low <= constant <= high:
            constant = nearest
        one = Feature("one")
        terms = (*terms, Term(constant, one, one))
    levelled = replace(model, terms=terms)
    return levelled.with_certificate(certify(levelled, multiplier))


def _coarser(number: float) -> float:
    """Return the next number of few bits away from 0."""
    exponent = frexp(number)[1] - _BITS
    return copysign(ldexp(ceil(ldexp(abs(number), -exponent)), exponent), number)
