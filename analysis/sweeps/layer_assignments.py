"""Assignments that show what each multiplier does: in all layers, and in each layer alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from analysis.selection import Assignment
from multipliers import Multiplier
from multipliers.multiplier import check_multipliers, check_same_ports
from multipliers.parameters import check_flag, check_kind
from torchapprox import get_approx_modules
from torchapprox.conversion.wrapping import float_name


def layer_assignments(
    model: nn.Module, multipliers: Sequence[Multiplier], *, uniform_only: bool = False
) -> dict[str, Assignment]:
    """Return assignments by label.

    Args:
        model: A converted model.
        multipliers: Each of another name, all with the same ports.
        uniform_only: Whether to leave out those of one layer.

    Returns:
        Exact products in all layers as "exact"; each multiplier in all layers under its name; and
        each in one layer, with exact products in the others, as "layer: name".

    Raises:
        ValueError: If the model has no approximate layer, two multipliers have one name, one is
            called "exact", or their ports differ.

    Examples:
        >>> import torch, torchapprox
        >>> from multipliers import get
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> _ = torchapprox.approximate(model, calibration=[torch.rand(8, 4)])
        >>> list(layer_assignments(model, [get("mul8s_tm_k3")]))
        ['exact', 'mul8s_tm_k3', '0: mul8s_tm_k3', '2: mul8s_tm_k3']
    """
    check_kind("model", model, nn.Module)
    check_multipliers("multipliers", multipliers)
    check_flag("uniform_only", uniform_only)
    layers = [float_name(name) for name, _ in get_approx_modules(model)]
    names = ["exact", *(multiplier.name for multiplier in multipliers)]
    if not layers or not multipliers:
        raise ValueError("there must be an approximate layer and a multiplier")
    if len(set(names)) < len(names):
        raise ValueError(f"'multipliers' must have different names, got {', '.join(names)}")
    check_same_ports("multipliers", multipliers)
    first = multipliers[0]
    exact = Multiplier("exact", first.exact, first.x_port, first.w_port, "exact products")
    none = Assignment.uniform(layers, exact)
    found = {"exact": none}
    found |= {one.name: Assignment.uniform(layers, one) for one in multipliers}
    if not uniform_only:
        for layer in layers:
            found |= {f"{layer}: {one.name}": none.with_layer(layer, one) for one in multipliers}
    return found
