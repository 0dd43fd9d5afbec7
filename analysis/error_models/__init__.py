"""Models of a layer's error: each a function of a multiplier and a layer's trace.

Each module derives its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial

from analysis.error_models.global_distribution import global_distribution, product_error
from analysis.error_models.layer_error import LayerError
from analysis.error_models.local_populations import local_populations
from analysis.error_models.monte_carlo import monte_carlo
from analysis.error_models.paired_histograms import paired_histograms
from analysis.error_models.sampled_rows import sampled_errors, sampled_rows
from multipliers import Multiplier
from multipliers.parameters import check_kind
from torchapprox import LayerTrace

__all__ = [
    "DEFAULT_MODEL",
    "ERROR_MODELS",
    "ErrorModel",
    "LayerError",
    "global_distribution",
    "local_populations",
    "monte_carlo",
    "paired_histograms",
    "predict_error",
    "predict_errors",
    "product_error",
    "sampled_errors",
    "sampled_rows",
]

ErrorModel = Callable[[Multiplier, LayerTrace], LayerError]
"""Predicts the error of a layer from its multiplier and its traced operands."""

ERROR_MODELS: dict[str, ErrorModel] = {
    "global": global_distribution,
    "local": local_populations,
    "monte_carlo": monte_carlo,
    "paired_random": partial(paired_histograms, rank=0),
    "paired_rank4": partial(paired_histograms, rank=4),
    "paired": paired_histograms,
    "rows": sampled_rows,
}
"""Every model by name, from the plainest to the most laborious."""

DEFAULT_MODEL = "paired"
"""The model that is taken where none is named."""


def predict_error(
    multiplier: Multiplier, trace: LayerTrace, *, model: str | ErrorModel = DEFAULT_MODEL
) -> LayerError:
    """Predict a layer's error from its trace.

    Args:
        multiplier: The approximate multiplier.
        trace: The layer's operands.
        model: A name in `ERROR_MODELS`, or a model.

    Raises:
        LookupError: If there is no model of that name.
        ValueError: If the multiplier's ports do not take the layer's operands.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get
        >>> network, x = torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(network, calibration=[x])
        >>> with torchapprox.trace(network) as traces:
        ...     _ = network(x)
        >>> predicted = predict_error(get("mul8s_tm_k3"), traces["0.wrapped"])
        >>> predicted.fan_in, predicted.channel_std.shape
        (4, (3,))
    """
    if isinstance(model, str):
        if model not in ERROR_MODELS:
            near = get_close_matches(model, ERROR_MODELS, n=1, cutoff=0) or ["paired"]
            raise LookupError(
                f"no error model '{model}', did you mean '{near[0]}'? There are "
                + ", ".join(ERROR_MODELS)
            )
        model = ERROR_MODELS[model]
    check_kind("model", model, Callable)
    return model(multiplier, trace)


def predict_errors(
    multiplier: Multiplier,
    traces: Mapping[str, LayerTrace],
    *,
    model: str | ErrorModel = DEFAULT_MODEL,
) -> dict[str, LayerError]:
    """Predict the error of every traced layer, by layer name; arguments as `predict_error`."""
    check_kind("traces", traces, Mapping)
    return {name: predict_error(multiplier, trace, model=model) for name, trace in traces.items()}
