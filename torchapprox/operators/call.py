"""Calls of differentiable functions that cost little where nothing is differentiated."""

from typing import Any

import torch
from torch import Tensor


# Not traced by torch.compile, which cannot follow a Function that is an argument.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def call(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """Return ``function.apply(*arguments)``; where gradients are off, by its ``forward`` alone.

    Binding the arguments and setting the context up takes as long as a small layer's products.

    Args:
        function: Has a ``setup_context``, so that its ``forward`` takes no context.
        arguments: Of its ``forward``, positional.
    """
    result: Tensor
    if not torch.is_grad_enabled():
        result = function.forward(*arguments)
        return result
    result = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return result
