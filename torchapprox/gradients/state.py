"""Gradient estimators as texts, numbers and tensors, for checkpoints."""

from collections.abc import Mapping
from typing import Any

import torch

from multipliers.parameters import check_kind
from torchapprox.gradients.estimators import ApproximateBackward, Estimator, StraightThrough
from torchapprox.gradients.regression import Regression
from torchapprox.gradients.tables import GradientTables
from torchapprox.gradients.window_difference import WindowDifference

_WITHOUT_FIELDS: dict[str, type[Any]] = {
    "straight-through": StraightThrough,
    "approximate backward": ApproximateBackward,
    "regression": Regression,
}


def estimator_state(estimator: Estimator) -> dict[str, Any]:
    """Return what `torch.load` takes with ``weights_only=True``.

    Raises:
        NotImplementedError: The estimator is of a class of the user's own.

    Examples:
        >>> estimator_state(WindowDifference(4))
        {'kind': 'window difference', 'half_window': 4}
    """
    for kind, made in _WITHOUT_FIELDS.items():
        if type(estimator) is made:
            return {"kind": kind}
    if isinstance(estimator, WindowDifference):
        return {"kind": "window difference", "half_window": estimator.half_window}
    if isinstance(estimator, GradientTables):
        tables = {name: torch.tensor(getattr(estimator, name)) for name in ("by_x", "by_w")}
        return {"kind": "tables", **tables}
    raise NotImplementedError(
        f"a checkpoint cannot hold an estimator of type {type(estimator).__name__}; assign its "
        "tables, estimator.tables(multiplier), to the layer"
    )


def estimator_from_state(state: dict[str, Any]) -> Estimator:
    """Return the estimator of which `estimator_state` made ``state``.

    Raises:
        TypeError: ``state`` is no dictionary.
        ValueError: It names no kind of estimator.

    Examples:
        >>> estimator_from_state({"kind": "regression"})
        Regression()
    """
    check_kind("state", state, Mapping)
    fields = dict(state)
    kind = fields.pop("kind", None)
    if kind == "window difference":
        return WindowDifference(**fields)
    if kind == "tables":
        return GradientTables(**{name: table.cpu().numpy() for name, table in fields.items()})
    if kind not in _WITHOUT_FIELDS:
        known = ", ".join([*_WITHOUT_FIELDS, "window difference", "tables"])
        raise ValueError(f"the 'kind' of 'state' must be one of {known}, got {kind!r}")
    estimator: Estimator = _WITHOUT_FIELDS[kind]()
    return estimator
