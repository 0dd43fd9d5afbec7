"""Calls of differentiable functions that cost little where nothing is differentiated."""

from typing import Any

import torch
from torch import Tensor


def call(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """Return ``function.apply(*arguments)``; where gradients are off, by its ``forward`` alone.

    Binding the arguments and setting the context up takes as long as a small layer's products.

    Args:
        function: Has a ``setup_context``, so that its ``forward`` takes no context.
        arguments: Of its ``forward``, positional.
    """
    run: Any = function.apply if torch.is_grad_enabled() else function.forward
    result: Tensor = run(*arguments)
    return result
