"""Fitted models: the exact product plus a few products that stand for a multiplier's error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from htp.fitting.basis import candidate_features
from htp.fitting.fit_tables import mixed_pairs, table_pairs
from htp.fitting.greedy import greedy_terms
from htp.fitting.low_rank import Measure
from htp.fitting.points import AllPairs
from htp.fitting.weighted_error import weighted_error
from htp.models.certificate import Certificate
from htp.models.certify import certify
from htp.models.model import HtpModel, exact_term
from htp.models.operand_function import TableFeature
from htp.models.term import Term
from htp.table import Table, as_multiplier
from multipliers import Multiplier
from multipliers.characterisation.population import Weights
from multipliers.parameters import check_kind, check_number, check_parameter
from multipliers.wording import counted

FloatArray = npt.NDArray[np.float64]

Basis = Literal["table", "mixed", "named"]
Criterion = Literal["square", "absolute"]

_EXPONENTS = {"square": 2, "absolute": 1}


def fit(
    lut: Table,
    *,
    terms: int = 4,
    error: float = 0.0,
    basis: Basis = "table",
    weights: Weights = None,
    criterion: Criterion = "square",
    peak: float = 0.0,
    bits: int = 8,
) -> HtpModel:
    """Fit the exact product plus a few correction terms to a multiplier.

        y = x w + sum_t f_t(x) g_t(w)

    Every term is one product of the size of the exact one, whatever f_t and g_t are.

    | basis | f_t, of the activation | g_t, of the weight |
    |---|---|---|
    | ``"table"`` | 256 integers of ``bits`` bits | such integers times a power of two |
    | ``"mixed"`` | a named function, see `htp.Feature` | such integers times a power of two |
    | ``"named"`` | a named function, or a sum of up to four | a sum of up to four, or one |

    Tables come nearest for a number of terms. The weights of a network are known beforehand, so
    that a table of w costs nothing at run time; a ``"mixed"`` model then needs named functions of
    the activations only. A ``"named"`` model is the one to read and to build.

    Args:
        lut: A multiplier, or integers `(256, 256)`, ``lut[x_code, w_code]``, of signed operands.
        terms: Most correction terms, 0 to 64.
        error: Mean absolute difference at which fewer terms are enough.
        basis: Of what the terms are made, see above.
        weights: How often pairs of codes occur, as for `multipliers.characterise`; the fit counts
            them so, and the certificate counts all pairs alike. Pairs that do not occur count a
            millionth, so that the model is reasonable there too.
        criterion: What is made small: the mean ``"square"`` of the difference, or its mean
            ``"absolute"`` value. A named basis knows the square only.
        peak: How much the greatest difference counts beside the criterion, 0 or more.
        bits: Bits of the tables' integers, sign included, or significant bits of a named term's
            coefficients, 2 to 24.

    Returns:
        The model with its certificate. All its numbers are multiples of powers of two, so that
        it gives the same sums on every device; see `HtpModel.exact_depth`.

    Raises:
        TypeError: ``lut`` is no table, or ``terms`` or ``bits`` is no int.
        ValueError: An argument is out of range, or ``weights`` do not fit the multiplier.

    Examples:
        >>> from multipliers import get
        >>> for terms in (0, 1, 2):
        ...     certificate = fit(get("mul8u_mitchell"), terms=terms).certificate
        ...     print(certificate.calls, round(certificate.mean_abs_difference))
        1 606
        2 165
        3 79
        >>> print(fit(get("mul8u_tm_k3"), terms=2, basis="named"))
        mul8u_tm_k3, 2 terms, named: 1 * x * w + -1 * x * (w mod 2^3) + ...
    """
    error = check_number("error", error, least=0)
    path = _path(lut, terms, basis, weights, criterion, peak, bits, fewest=1 if error else terms)
    model = next(path)
    for further in path:
        if _stated(model).mean_abs_difference <= error:
            break
        model = further
    return model


def fit_path(
    lut: Table,
    *,
    terms: int = 8,
    basis: Basis = "table",
    weights: Weights = None,
    criterion: Criterion = "square",
    peak: float = 0.0,
    bits: int = 8,
) -> Iterator[HtpModel]:
    """Yield the fitted models of no correction term, of one, and so on.

    Args:
        lut: As for `fit`, as are the others.
        terms: Most correction terms; there are fewer models where nothing is left to correct.
        basis: Of what the terms are made.
        weights: How often pairs of codes occur.
        criterion: What is made small.
        peak: How much the greatest difference counts.
        bits: Bits of the tables' integers or significant bits of coefficients.

    Raises:
        TypeError: As for `fit`.
        ValueError: As for `fit`.

    Examples:
        >>> from multipliers import get
        >>> [model.calls for model in fit_path(get("mul8s_mitchell"), terms=3)]
        [1, 2, 3, 4]
    """
    return _path(lut, terms, basis, weights, criterion, peak, bits, fewest=1)


def _path(
    lut: Table,
    terms: int,
    basis: Basis,
    weights: Weights,
    criterion: Criterion,
    peak: float,
    bits: int,
    *,
    fewest: int,
) -> Iterator[HtpModel]:
    multiplier = as_multiplier(lut)
    terms = check_parameter("terms", terms, 0, 64)
    bits = check_parameter("bits", bits, 2, 24)
    check_kind("basis", basis, str)
    check_kind("criterion", criterion, str)
    if basis not in get_args(Basis):
        raise ValueError(f"'basis' must be 'table', 'mixed' or 'named', got {basis!r}")
    if criterion not in _EXPONENTS:
        raise ValueError(f"'criterion' must be 'square' or 'absolute', got {criterion!r}")
    peak = check_number("peak", peak, least=0)
    measure = Measure(_EXPONENTS[criterion], float(peak))
    if basis == "named" and measure != Measure(2, 0.0):
        raise ValueError("'criterion' and 'peak' are for tables; a named basis fits squares only")
    error, probabilities = weighted_error(multiplier, weights)
    corrections: Iterator[tuple[Term, ...]]
    if basis == "named":
        corrections = _named(multiplier, error, probabilities, bits)
    elif basis == "mixed":
        corrections = _mixed(multiplier, error, probabilities, measure, bits, terms)
    else:
        corrections = _tables(error, probabilities, measure, bits, terms, fewest)
    return _models(multiplier, corrections, basis, terms)


def _models(
    multiplier: Multiplier, corrections: Iterator[tuple[Term, ...]], basis: Basis, terms: int
) -> Iterator[HtpModel]:
    for chosen in islice(chain([()], corrections), terms + 1):
        name = f"{multiplier.name}, {counted(len(chosen), 'term')}, {basis}"
        model = HtpModel(name, (exact_term(), *chosen))
        certificate = certify(model, multiplier)
        yield model.with_certificate(certificate)
        if certificate.exact:
            return


def _stated(model: HtpModel) -> Certificate:
    if model.certificate is None:
        raise RuntimeError(f"{model.name} has no certificate; call htp.certify")
    return model.certificate


def _tables(
    error: FloatArray,
    probabilities: FloatArray,
    measure: Measure,
    bits: int,
    terms: int,
    fewest: int,
) -> Iterator[tuple[Term, ...]]:
    for pairs in table_pairs(
        error, probabilities, measure=measure, bits=bits, terms=terms, fewest=fewest
    ):
        yield tuple(Term(1.0, _table(f), _table(g)) for f, g in pairs)


def _mixed(
    multiplier: Multiplier,
    error: FloatArray,
    probabilities: FloatArray,
    measure: Measure,
    bits: int,
    terms: int,
) -> Iterator[tuple[Term, ...]]:
    for pairs in mixed_pairs(
        error, probabilities, multiplier.x_port, measure=measure, bits=bits, terms=terms
    ):
        yield tuple(Term(1.0, feature, _table(g)) for feature, g in pairs)


def _named(
    multiplier: Multiplier, error: FloatArray, probabilities: FloatArray, bits: int
) -> Iterator[tuple[Term, ...]]:
    ports = (multiplier.x_port, multiplier.w_port)
    features = [candidate_features(port) for port in ports]
    x_functions, w_functions = (
        np.stack([feature(port.values.astype(np.float64)) for feature in chosen])
        for chosen, port in zip(features, ports, strict=True)
    )
    points = AllPairs(error, probabilities, x_functions, w_functions)
    return greedy_terms(points, *features, bits=bits)


def _table(own: FloatArray) -> TableFeature:
    """Make a function of 8-bit codes from a table by the bit patterns of a port."""
    return TableFeature.of(np.tile(own, 256 // len(own)))
