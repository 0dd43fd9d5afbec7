"""Fitted models of multipliers that are too wide for a table."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from htp.fitting.basis import candidate_features
from htp.fitting.greedy import greedy_terms
from htp.fitting.points import SampledPairs
from htp.models.certify import DEFAULT_SAMPLES, certify_function, draw_pairs
from htp.models.model import HtpModel, exact_term
from htp.models.term import Term
from multipliers import Port
from multipliers.parameters import check_kind, check_parameter
from multipliers.wording import counted

Int64Array = npt.NDArray[np.int64]

_FITTED_PAIRS = 1 << 15


def fit_function(
    function: Callable[[Int64Array, Int64Array], npt.NDArray[Any]],
    x_port: Port,
    w_port: Port,
    *,
    terms: int = 4,
    name: str = "function",
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
    bits: int = 8,
) -> HtpModel:
    """Fit the exact product plus a few named terms to a multiplier of up to 16 bits.

    As `htp.fit` with the basis ``"named"``, but from 2^15 random pairs. The certificate comes from
    other random pairs, so that it does not flatter the fit, and states intervals.

    Args:
        function: Takes int64 arrays of one shape, values of both operands, and returns their
            products, such as a closed form of `multipliers.families`, or what
            `multipliers.netlist_function` makes of a circuit.
        x_port: Port of the first operand.
        w_port: Port of the second operand.
        terms: Most correction terms, 0 to 64.
        name: What the model and its certificate call the function.
        samples: Number of pairs of the certificate, at least 2.
        seed: Seed of both samples.
        bits: Significant bits of a coefficient, 2 to 24.

    Returns:
        The model with its certificate.

    Raises:
        TypeError: ``terms`` or ``bits`` is no int.
        ValueError: An argument is out of range.

    Examples:
        >>> from multipliers import array_multiplier, netlist_function
        >>> port = Port(12, signed=True)
        >>> truncated = lambda x, w: (x >> 4) * (w >> 4) << 8
        >>> model = fit_function(truncated, port, port, terms=2, samples=10_000)
        >>> model.certificate.exact_share
        1.0
        >>> bool(model.certificate.share_beyond_max < 0.001)
        True
    """
    check_kind("function", function, Callable)
    check_kind("x_port", x_port, Port)
    check_kind("w_port", w_port, Port)
    terms = check_parameter("terms", terms, 0, 64)
    samples = check_parameter("samples", samples, 2)
    seed = check_parameter("seed", seed, 0)
    bits = check_parameter("bits", bits, 2, 24)
    fitting, checking = np.random.SeedSequence(seed).generate_state(2).tolist()
    x, w = draw_pairs(x_port, w_port, _FITTED_PAIRS, fitting)
    ports = (x_port, w_port)
    features = [candidate_features(port) for port in ports]
    x_functions, w_functions = (
        np.stack([feature(values.astype(np.float64)) for feature in named])
        for named, values in zip(features, (x, w), strict=True)
    )
    error = (np.asarray(function(x, w)) - x * w).astype(np.float64)
    points = SampledPairs(error, x_functions, w_functions)
    path: list[tuple[Term, ...]] = [(), *islice(greedy_terms(points, *features, bits=bits), terms)]
    chosen = path[-1]
    title = f"{name}, {counted(len(chosen), 'term')}, named"
    model = HtpModel(title, (exact_term(), *chosen))
    return model.with_certificate(
        certify_function(model, function, x_port, w_port, name=name, samples=samples, seed=checking)
    )
