"""Modules of several products: what their approximate forms have in common.

A layer such as `torch.nn.MultiheadAttention` or `torch.nn.LSTM` has several products, each with
quantisers and a multiplier of its own. Its approximate form is an ordinary module with the same
constructor and forward pass that holds one `ApproxLayer` for every product.
"""

from collections.abc import Callable
from typing import Any, Protocol, Self, TypeAlias

from torch import nn

from torchapprox.quantisation.torch_ao import QConfig

QConfigRule: TypeAlias = QConfig | Callable[[str, nn.Module], QConfig | None] | None


class Composite(Protocol):
    """What a conversion asks of an approximate module that is made of approximate layers."""

    @classmethod
    def from_float(cls, mod: Any, qconfig: QConfigRule = None) -> Self:
        """Make an approximate module with a float module's parameters.

        Args:
            mod: The float module.
            qconfig: Quantiser configuration of every product, or a function that gives it for a
                product's name within the module and its float layer; `default_qconfig` if None.
        """

    def to_float(self) -> nn.Module:
        """Return the float module with the same parameters."""


def qconfig_for(rule: QConfigRule, name: str, layer: nn.Module) -> QConfig | None:
    """Return the quantiser configuration of one product of a composite module.

    Examples:
        >>> qconfig_for(lambda name, layer: None, "qk", nn.Identity()) is None
        True
    """
    # A QConfig is a tuple and no function.
    return rule(name, layer) if callable(rule) else rule


def within(rule: QConfigRule, prefix: str) -> QConfigRule:
    """Return the rule of a module inside a composite one, whose names get a prefix."""
    if not callable(rule):
        return rule
    return lambda name, layer: rule(f"{prefix}.{name}", layer)
